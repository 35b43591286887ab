package commands

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/host"
	"capf/commands/internal/term"
	"capf/enroll/audit"
	"capf/enroll/secrets"
	"capf/internal/apperr"
	"capf/internal/input"
)

// sshLine is what an SSH client asked for when sshd runs a forced command
// instead (sshd(8), ForceCommand).
const sshLine = "SSH_ORIGINAL_COMMAND"

func shellCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "shell", Short: "take commands one after the other, as the vendor's command line does",
		Privilege: cmdline.OutsideShell,
		About: `The prompt is admin:. A line is a command with or without "utils capf" in front;
TAB completes it, ? says what may come next, help says more, and quit ends. Quotes
keep words together. There is nothing else to it: no other program is run, and
files are only those in the folder in which the shell was started and below, which
has to belong to its user.

It is fit for a forced command of sshd: the line that an SSH client brings along
(SSH_ORIGINAL_COMMAND) is carried out and its exit code is returned. Off a
terminal, lines are read from stdin until its end, and the exit code is that of
the last one that failed.

--privilege limits what there is, by the vendor's levels: 0 to look, to set
keep_alive and to delete stale LSCs; 1 also to export requests and to import
certificates; 4 for everything. Below 4 a file that is there is only replaced with
--force, and when the shell has made it. Attempts at more become events.`,
		Example: "capf shell --privilege 1",
		Flags:   []cli.Flag{&cli.StringFlag{Name: "privilege", Value: "4", Usage: "`LEVEL`: 0, 1, 4"}},
		Run: func(c *cli.Context) error {
			level, err := input.Number(c.String("privilege"), cmdline.Look.Level(), cmdline.Full.Level())
			if err != nil || !slices.Contains([]int{cmdline.Look.Level(), cmdline.Offline.Level(), cmdline.Full.Level()}, level) {
				return apperr.Usage("--privilege: %q is not 0, 1 or 4", c.String("privilege"))
			}
			return shell(c.Context, env, level)
		},
	}
}

// session is one run of capf shell.
type session struct {
	*Env
	confinement
	database string
	failed   int // the exit code of the last line that failed
}

func shell(ctx context.Context, env *Env, level int) error {
	folder, err := os.Getwd()
	if err == nil {
		folder, err = filepath.EvalSymlinks(folder)
	}
	if err != nil {
		return fmt.Errorf("finding the folder of the shell: %w", apperr.WithoutPath(err))
	}
	root, err := openFolder()
	if err != nil {
		noteForbidden(ctx, env, err)
		return err
	}
	defer root.Close()
	s := &session{Env: env, confinement: confinement{privilege: level, root: root, folder: folder}, database: env.Database}
	if s.reserved, err = reservedFiles(env); err != nil {
		return err
	}
	// These would end or stop the shell, or print what the program was doing.
	signal.Ignore(syscall.SIGQUIT, syscall.SIGTSTP)
	switch line := env.Getenv(sshLine); {
	case strings.TrimSpace(line) != "":
		err = s.overSSH(ctx, strings.NewReader(line))
	case env.Prompt != nil:
		return s.converse(ctx)
	default:
		err = s.overSSH(ctx, env.Stdin)
	}
	if err == nil && s.failed != 0 {
		return exitCode(s.failed)
	}
	return err
}

// reservedFiles are the database and its master key.
func reservedFiles(env *Env) (paths []string, err error) {
	database, err := env.databasePath()
	if err != nil {
		return nil, err
	}
	for _, path := range []string{database, secrets.MasterKeyFile(database, env.Getenv)} {
		if path, err = filepath.Abs(path); err != nil {
			return nil, fmt.Errorf("finding the database: %w", err)
		}
		paths = append(paths, path)
		if real, err := filepath.EvalSymlinks(path); err == nil && real != path {
			paths = append(paths, real)
		}
	}
	return paths, nil
}

// longestLine is how long a line of a script may be.
const longestLine = 64 << 10

// script carries out lines until their end or until one says quit.
func (s *session) script(ctx context.Context, in io.Reader) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, longestLine)
	before := byteOrderMark // of the first line only
	for lines.Scan() {
		ended := s.carryOut(ctx, strings.TrimPrefix(lines.Text(), before))
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if sig := s.asked(); sig != nil {
			return endedBy(sig)
		}
		if ended {
			return nil
		}
		before = ""
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return apperr.Usage("a line has more than %d bytes", longestLine)
	} else if err != nil {
		return fmt.Errorf("reading lines: %w", err)
	}
	return nil
}

// overSSH is script for a client without a terminal: when it dies, nothing tells
// us but the other end of our output, which is closed, and the line that runs
// would do so for nobody.
func (s *session) overSSH(ctx context.Context, in io.Reader) error {
	if s.Getenv("SSH_CONNECTION") == "" || s.heard == nil {
		return s.script(ctx, in)
	}
	ctx, stop, err := host.WhileHeard(ctx, s.heard)
	if err != nil {
		return fmt.Errorf("watching the client: %w", err)
	}
	defer stop()
	return s.script(ctx, in)
}

// asked is the signal that has ended a line, nil when none has.
func (s *session) asked() os.Signal {
	select {
	case sig := <-s.told:
		return sig
	default:
		return nil
	}
}

// endedBy is the end of a shell at a signal, with the code that shells use.
func endedBy(sig os.Signal) error { return exitCode(128 + int(sig.(syscall.Signal))) }

// carryOut carries out one line and says whether it was the last one.
func (s *session) carryOut(ctx context.Context, text string) (ended bool) {
	words, err := shellWords(strings.TrimSuffix(text, "\r"))
	if err != nil {
		s.failed = s.report(err)
		return false
	}
	if len(words) == 0 || strings.HasPrefix(words[0].text, "#") && !words[0].quoted {
		return false
	}
	if words[0].is("quit", "exit", "logout") {
		return true
	}
	if n := len(words) - 1; words[n].is("?") {
		s.explain(ctx, append(plainWords(words[:n]), ""))
		return false
	}
	if code := s.line().run(ctx, append([]string{"capf"}, plainWords(words)...)); code != 0 {
		s.failed = code
	}
	return false
}

// line is the world of one line: that of the shell, but for its own database
// connection and format.
func (s *session) line() *Env {
	line := *s.Env
	line.store, line.command, line.confined = nil, "", &s.confinement
	line.Getenv = func(name string) string {
		if name == "CAPF_DB" && s.database != "" {
			return s.database
		}
		return s.Env.Getenv(name)
	}
	return &line
}

// completer proposes what the session may do.
func (s *session) completer(env *Env) cmdline.Completer {
	env.Database = env.Getenv("CAPF_DB")
	return cmdline.Completer{
		Root: s.restrict(tree(env)), Known: databaseWords{env},
		Also: []cmdline.Candidate{{Word: "help", About: "say more about a command"}, {Word: "quit", About: "end the session"}},
	}
}

// explain says what may come next on a line.
func (s *session) explain(ctx context.Context, words []string) {
	env := s.line()
	p := s.completer(env).Complete(ctx, words)
	fmt.Fprint(env.out, explanation(p))
	if code := s.report(env.close()); code != 0 {
		s.failed = code
	}
}

// explanation is a proposal in words.
func explanation(p cmdline.Proposal) string {
	var b strings.Builder
	width := 0
	for _, c := range p.Words {
		width = max(width, term.Width(c.Word))
	}
	for _, c := range p.Words {
		fmt.Fprintln(&b, strings.TrimRight(fmt.Sprintf("  %-*s  %s", width, term.Visible(c.Word), term.OneLine(c.About)), " "))
	}
	if p.Files {
		fmt.Fprintln(&b, "  the name of a file")
	}
	if b.Len() == 0 {
		return "  nothing more is needed\n"
	}
	return b.String()
}

// noteForbidden records an attempt at what the session may not do.
func noteForbidden(ctx context.Context, env *Env, err error) {
	if !errors.Is(err, errForbidden) {
		return
	}
	text := err.Error()
	s, err := env.openStore(ctx)
	if err == nil {
		err = audit.RecordRefusal(context.WithoutCancel(ctx), s, env.actor(), term.OneLine(text))
	}
	if err != nil {
		env.say("warning: the refusal is not recorded: %s", err)
	}
}
