package commands

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/host"
	"capf/commands/internal/shell"
	"capf/commands/internal/term"
	"capf/internal/apperr"
	"capf/store"
)

// Env is what a command may use of the world around it: streams, the clock, files,
// the database and the operator. A step of a verb is a function that takes Env; a
// method of Env is something that many verbs need.
type Env struct {
	Stdin    io.Reader
	Stderr   io.Writer
	Getenv   func(string) string
	Now      func() time.Time
	Terminal string        // the device of the operator's terminal, "" if stdin is none
	Prompt   term.Prompter // nil unless stdin and stdout are terminals

	// What the common flags say.
	Format   term.Format
	NoHeader bool
	Wide     bool     // tables with every column, and nothing cut
	Columns  []string // the keys of the columns to show; nil for those of the list
	Database string

	out     *bufio.Writer  // stdout, whose errors come when it is flushed
	stdout  *unread        // below that
	screen  bool           // stdout is a terminal
	display term.File      // stdout if it and stdin are terminals, for capf shell
	told    chan os.Signal // the signal that ended long work
	heard   term.File      // stdout if it is a file, so that it can be seen whether someone still reads it
	line    *term.Progress // on stderr; nil if that is no terminal
	endPage func() error   // waits for the pager; nil without one
	command string         // the command line for the record, without secrets
	bypass  string         // why the command need not be approved by another operator
	store   *store.Store   // open, or nil
	witness host.Witness
	// confined is what a line of capf shell may do; nil outside the shell.
	confined *shell.Confinement
}

func newEnv(stdin io.Reader, stdout, stderr io.Writer) *Env {
	env := &Env{Stdin: stdin, Stderr: stderr, Getenv: os.Getenv, Now: time.Now, Format: term.Table, told: make(chan os.Signal, 1), witness: host.SystemWitness(), screen: term.IsTerminal(stdout), line: term.NewProgress(stderr)}
	env.stdout = &unread{out: env.line.Before(stdout)}
	env.out = bufio.NewWriterSize(env.stdout, 1<<16)
	in, inIsFile := stdin.(term.File)
	out, outIsFile := stdout.(term.File)
	env.heard = out
	if inIsFile && outIsFile && term.IsTerminal(in) && term.IsTerminal(out) {
		env.Prompt = term.NewPrompter(in, out, stderr)
		env.display = out
	}
	if inIsFile && term.IsTerminal(in) {
		env.Terminal, _ = os.Readlink(fmt.Sprintf("/proc/self/fd/%d", in.Fd()))
	}
	return env
}

// takeCommon takes the common flags, which override the environment.
func takeCommon(env *Env, c *cli.Context, command *cmdline.Command) error {
	if err := term.UseZone(env.Getenv("TZ")); err != nil {
		return err
	}
	env.NoHeader, env.Wide = c.Bool("no-header"), c.Bool("wide")
	var err error
	if env.Columns = nil; c.IsSet("columns") {
		if env.Columns, err = columnsNamed(c.String("columns"), command.Columns); err != nil {
			return err
		}
	}
	env.Database = c.String("db")
	env.bypass = strings.TrimSpace(c.String(bypassFlag().Names()[0]))
	if env.Database == "" {
		env.Database = env.Getenv("CAPF_DB")
	}
	switch {
	case c.Bool("json") && c.Bool("csv"):
		return apperr.Usage("--json and --csv exclude each other")
	case c.Bool("json"):
		env.Format = term.JSON
		return nil
	case c.Bool("csv"):
		env.Format = term.CSV
		return nil
	}
	o, f := command.Output, term.Format(env.Getenv("CAPF_OUTPUT"))
	switch {
	case f != "" && f != term.Table && f != term.JSON && f != term.CSV:
		return apperr.Usage("CAPF_OUTPUT is %q; it can be table, json or csv", f)
	case f == term.JSON && o != cmdline.Plain, f == term.CSV && o == cmdline.List:
		env.Format = f
	default:
		env.Format = term.Table
	}
	return nil
}

// say tells the operator something about the result, on stderr, with its times in the
// operator's zone.
func (env *Env) say(format string, args ...any) {
	tell(env, term.Message(fmt.Sprintf(format, args...)).Zoned())
}

// tell prints a line on stderr. What has been printed so far comes first: both may go to
// the same file, and not into each other's lines. An error of that comes when the output
// is closed.
func tell(env *Env, text string) {
	_ = env.out.Flush()
	env.line.End()
	fmt.Fprintln(env.Stderr, typed(env, term.OneLine(text)))
}

func (env *Env) warn(warnings []string) {
	for _, w := range warnings {
		env.say("warning: %s", w)
	}
}

// close ends the command: it flushes the output and closes the database.
func (env *Env) close() error {
	err := env.flush()
	if err != nil {
		err = fmt.Errorf("writing the output: %w", apperr.WithoutPath(err))
		env.out.Reset(io.Discard)
	}
	if env.store != nil {
		err = errors.Join(err, env.store.Close())
		env.store = nil
	}
	if env.endPage != nil {
		err = errors.Join(err, env.endPage())
	}
	return err
}

// progress is the line on stderr that shows how far long work has got. It goes away for
// everything else that is printed.
func (env *Env) progress() *term.Progress {
	if env.endPage != nil {
		return nil // the pager has the screen
	}
	return env.line
}

// untilSignal returns a context for long work that a signal ends: see
// [untilSignal].
func (env *Env) untilSignal(ctx context.Context) (context.Context, context.CancelFunc) {
	return host.UntilSignal(ctx, env.told)
}
