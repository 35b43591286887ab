package term

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/term"

	"capf/commands/internal/host"
)

// Pager is what stands before a terminal: output for which the screen has no room is
// shown by another program, as git does.
type Pager struct {
	out     File
	program []string
	environ []string
	columns int
	lines   int
	stop    context.CancelFunc // ends the work that writes, when a signal asks for it

	held    bytes.Buffer // what the screen has room for
	plain   error        // why the terminal is written to directly
	running *exec.Cmd    // nil before the screen is full
	queue   *queue       // what the program has not read yet
	before  *term.State  // of the terminal
	ending  chan os.Signal
	asked   chan os.Signal // with the first one that arrived while the program ran, in the end
}

// PagerProgram is the program that an environment names, with its arguments: that of
// CAPF_PAGER, of PAGER, or less. It is nil where cat or nothing is named, or where the
// terminal cannot move its cursor. No shell reads it. With the rights of somebody else it
// is the less of the system, if there is one.
func PagerProgram(environ []string) []string {
	terminal, _ := lookup(environ, "TERM")
	if terminal == "" || terminal == "dumb" {
		return nil
	}
	text, set := lookup(environ, "CAPF_PAGER")
	if !set {
		text, set = lookup(environ, "PAGER")
	}
	words := strings.Fields(text)
	switch {
	case set && (len(words) == 0 || slices.Equal(words, []string{"cat"})):
		return nil
	case borrowed(environ):
		return systemLess()
	case !set:
		return []string{"less"}
	}
	return words
}

// systemLess is less where only root installs programs, whatever PATH says.
func systemLess() []string {
	for _, path := range []string{"/usr/bin/less", "/bin/less", "/usr/local/bin/less"} {
		if _, err := exec.LookPath(path); err == nil {
			return []string{path}
		}
	}
	return nil
}

// borrowed says whether capf runs with the rights of somebody else. Whoever may run only
// capf with them chooses no program that would have them too.
func borrowed(environ []string) bool {
	return slices.ContainsFunc([]string{"SUDO_UID", "DOAS_USER", "PKEXEC_UID"}, func(name string) bool {
		_, set := lookup(environ, name)
		return set
	})
}

func lookup(environ []string, name string) (value string, set bool) {
	for _, v := range environ {
		if text, ok := strings.CutPrefix(v, name+"="); ok {
			return text, true
		}
	}
	return "", false
}

// NewPager returns a pager for a terminal. Stop is called when a signal asks for the end
// while the program runs.
func NewPager(out File, program, environ []string, stop context.CancelFunc) *Pager {
	p := &Pager{out: out, program: program, environ: pagerEnviron(environ), stop: stop}
	p.columns, p.lines = Screen(out, func(name string) string {
		value, _ := lookup(environ, name)
		return value
	})
	return p
}

// pagerEnviron is the environment of the program. LESS is that of git: less ends by
// itself when all fits the screen, and leaves the text on it. LESSSECURE keeps it from
// running other programs and from writing files, with rights that its user may not have.
// Others of its variables, and its files in HOME, take that back; so with the rights of
// somebody else it gets only what it needs to show a text.
func pagerEnviron(environ []string) []string {
	others := borrowed(environ)
	environ = slices.DeleteFunc(slices.Clone(environ), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return others && !showsText(name) || name == "LESSOPEN" || name == "LESSCLOSE" || strings.HasPrefix(name, "LESSSECURE")
	})
	if others {
		environ = append(environ, "LESSHISTFILE=-")
	}
	for _, name := range []string{"LESS=FRX", "LV=-c"} {
		name, usual, _ := strings.Cut(name, "=")
		if _, set := lookup(environ, name); !set {
			environ = append(environ, name+"="+usual)
		}
	}
	return append(environ, "LESSSECURE=1")
}

// showsText says whether a variable is about how a terminal shows text.
func showsText(name string) bool {
	return slices.Contains([]string{"TERM", "LANG", "COLUMNS", "LINES", "TZ"}, name) || strings.HasPrefix(name, "LC_")
}

// Write takes a piece of the output.
func (p *Pager) Write(text []byte) (int, error) {
	switch {
	case p.plain != nil:
		return p.out.Write(text)
	case p.running != nil:
		return p.queue.Write(text)
	}
	p.held.Write(text)
	if !p.fills(p.held.Bytes()) {
		return len(text), nil
	}
	to := io.Writer(p.out)
	if p.plain = p.start(); p.plain == nil {
		to = p.queue
	}
	if _, err := p.held.WriteTo(to); err != nil {
		return 0, err
	}
	return len(text), nil
}

// fills says whether a text takes more lines than the screen has beside that of the next
// prompt.
func (p *Pager) fills(text []byte) bool {
	lines := 0
	for line := range bytes.Lines(text) {
		width := Width(string(bytes.TrimRight(line, "\n")))
		lines += 1 + max(0, width-1)/p.columns
		if lines >= p.lines {
			return true
		}
	}
	return false
}

// start runs the program.
func (p *Pager) start() error {
	path, err := exec.LookPath(p.program[0])
	if err != nil {
		return err
	}
	from, to, err := os.Pipe()
	if err != nil {
		return err
	}
	defer from.Close()
	cmd := &exec.Cmd{Path: path, Args: p.program, Env: p.environ, Stdin: from, Stdout: p.out, Stderr: p.out}
	p.before, _ = term.GetState(int(p.out.Fd()))
	p.ending = make(chan os.Signal, 1)
	host.Notify(p.ending, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGHUP)
	if err := cmd.Start(); err != nil {
		signal.Stop(p.ending)
		return errors.Join(err, to.Close())
	}
	p.running, p.queue = cmd, newQueue(to)
	p.asked = make(chan os.Signal, 1)
	go p.watch()
	return nil
}

// watch stops the output at a signal. The program has the terminal until its user quits,
// who may only have stopped a search with Ctrl-C.
func (p *Pager) watch() {
	var first os.Signal
	for sig := range p.ending {
		first = cmp.Or(first, sig)
		p.stop()
	}
	p.asked <- first
}

// Close shows what the screen has room for, or waits until the user has quit the
// program. It returns the signal that arrived meanwhile, which is still to be obeyed.
func (p *Pager) Close() (os.Signal, error) {
	if p.running == nil {
		_, err := p.held.WriteTo(p.out)
		return nil, err
	}
	p.queue.close() // whether the program reads it all is its own affair
	if p.running.Wait() != nil && p.before != nil && p.running.ProcessState.ExitCode() < 0 {
		term.Restore(int(p.out.Fd()), p.before) // it was killed, and has left the terminal as it used it
	}
	signal.Stop(p.ending)
	close(p.ending)
	return <-p.asked, nil
}

// Missing is why the program could not be run when it was needed, nil if it could.
func (p *Pager) Missing() error {
	var e *exec.Error
	if errors.As(p.plain, &e) {
		return e.Err
	}
	return p.plain
}
