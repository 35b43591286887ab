package commands

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/host"
	"capf/commands/internal/shell"
	"capf/commands/internal/term"
	"capf/enroll"
	"capf/enroll/secrets"
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
	Prompt   term.Prompter // nil unless stdin and stdout are a terminal

	// What the common flags say.
	Format   term.Format
	NoHeader bool
	Database string

	out     *bufio.Writer  // stdout, whose errors come when it is flushed
	screen  bool           // stdout is a terminal
	display term.File      // stdout if it and stdin are terminals, for capf shell
	told    chan os.Signal // the signal that ended long work
	heard   term.File      // stdout if it is a file, so that it can be seen whether someone still reads it
	command string         // the command line for the record, without secrets
	store   *store.Store   // open, or nil
	witness host.Witness
	// confined is what a line of capf shell may do; nil outside of it.
	confined *shell.Confinement
}

func newEnv(stdin io.Reader, stdout, stderr io.Writer) *Env {
	env := &Env{Stdin: stdin, Stderr: stderr, Getenv: os.Getenv, Now: time.Now, Format: term.Table, told: make(chan os.Signal, 1), witness: host.SystemWitness(), out: bufio.NewWriterSize(stdout, 1<<16), screen: term.IsTerminal(stdout)}
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

// takeCommon takes the common flags; those win over the environment.
func takeCommon(env *Env, c *cli.Context, o cmdline.Output) error {
	if err := term.UseZone(env.Getenv("TZ")); err != nil {
		return err
	}
	env.NoHeader = c.Bool("no-header")
	env.Database = c.String("db")
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
	f := term.Format(env.Getenv("CAPF_OUTPUT"))
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

// say tells the operator something about the result, on stderr.
func (env *Env) say(format string, args ...any) {
	fmt.Fprintln(env.Stderr, term.OneLine(fmt.Sprintf(format, args...)))
}

func (env *Env) warn(warnings []string) {
	for _, w := range warnings {
		env.say("warning: %s", w)
	}
}

// databasePath is where the database is: --db, CAPF_DB, the system's place for
// root and the service user, the user's own data directory for others.
func (env *Env) databasePath() (string, error) {
	if env.Database != "" {
		return env.Database, nil
	}
	if os.Geteuid() == 0 || host.UserName() == "capf" {
		return secrets.SystemDatabase, nil
	}
	dir := env.Getenv("XDG_DATA_HOME")
	if !filepath.IsAbs(dir) { // so says the XDG base directory specification
		home := env.Getenv("HOME")
		if home == "" {
			return "", apperr.WithHint(apperr.Usage("no place for the database is known: HOME is not set"), "--db or CAPF_DB names the database")
		}
		dir = filepath.Join(home, ".local", "share")
	}
	return filepath.Join(dir, "capf", "capf.db"), nil
}

// openStore opens the database for changes; it is closed when the command ends.
func (env *Env) openStore(ctx context.Context) (*store.Store, error) {
	return env.openWith(func(path string) (*store.Store, error) {
		return store.Open(ctx, path, store.Options{Now: env.Now})
	})
}

// openFor is openStore for a change that may be a dry run.
func (env *Env) openFor(ctx context.Context, dryRun bool) (*store.Store, error) {
	s, err := env.openStore(ctx)
	if err == nil && dryRun {
		s = s.Rehearsal()
	}
	return s, err
}

// question opens the database for reading. A database that cannot be written
// can still be asked; one of an older capf is brought up to date first.
func (env *Env) question(ctx context.Context) (*store.Reader, error) {
	s, err := env.openToAsk(ctx)
	if err != nil {
		return nil, err
	}
	return s.Reader, nil
}

// openToAsk is question for rules that are asked something.
func (env *Env) openToAsk(ctx context.Context) (*store.Store, error) {
	return env.openWith(func(path string) (*store.Store, error) {
		s, err := store.Open(ctx, path, store.Options{Now: env.Now})
		if errors.Is(err, store.ErrReadOnly) {
			return store.Open(ctx, path, store.Options{Now: env.Now, ReadOnly: true})
		}
		return s, err
	})
}

// createStore opens the database and makes it when it is missing.
func createStore(ctx context.Context, env *Env) (*store.Store, error) {
	return env.openWith(func(path string) (*store.Store, error) {
		return store.Create(ctx, path, store.Options{Now: env.Now})
	})
}

func (env *Env) openWith(open func(path string) (*store.Store, error)) (*store.Store, error) {
	if env.store != nil {
		return env.store, nil
	}
	path, err := env.databasePath()
	if err != nil {
		return nil, err
	}
	env.store, err = open(path)
	if errors.Is(err, store.ErrNotFound) {
		return nil, apperr.WithHint(err, "capf init makes it; --db or CAPF_DB names another one")
	}
	return env.store, err
}

// rules are the rules on the open database, without its secrets.
func (env *Env) rules(s *store.Store) *enroll.Rules {
	return &enroll.Rules{Store: s, Now: env.Now, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler)}
}

// sealed are the rules with the master key, for what touches a secret. With
// create it makes the key of a new database.
func (env *Env) sealed(ctx context.Context, s *store.Store, create bool) (*enroll.Rules, error) {
	r := env.rules(s)
	file := secrets.MasterKeyFile(s.Path(), env.Getenv)
	var err error
	if create {
		r.Sealer, err = secrets.CreateSealer(ctx, s, file)
	} else {
		r.Sealer, err = secrets.OpenSealer(ctx, s.Reader, file)
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

// close ends the command: what it printed goes out and the database is closed.
func (env *Env) close() error {
	err := env.out.Flush()
	if err != nil {
		err = fmt.Errorf("writing the output: %w", apperr.WithoutPath(err))
		env.out.Reset(io.Discard)
	}
	if env.store != nil {
		err = errors.Join(err, env.store.Close())
		env.store = nil
	}
	return err
}

// progress is the line on stderr that says how far long work has come.
func (env *Env) progress() *term.Progress { return term.NewProgress(env.Stderr) }

// untilSignal returns a context for long work, which ends at a signal: see
// [untilSignal].
func (env *Env) untilSignal(ctx context.Context) (context.Context, context.CancelFunc) {
	return host.UntilSignal(ctx, env.told)
}

// actor is the operator, for the record of a change. What nobody but the caller
// says is recorded as that.
func (env *Env) actor() store.Actor {
	name, sudo := host.UserName(), env.Getenv("SUDO_USER")
	switch login := env.witness.Login(); {
	case login != "":
		name = login
	case sudo == "" || sudo == name:
	case env.witness.BySudo():
		name = sudo
	default:
		name += " " + claimed(sudo)
	}
	client := env.Getenv("SSH_CLIENT")
	address, _, _ := strings.Cut(client, " ")
	if address != "" && !env.witness.Connected(client) {
		address = claimed(address)
	}
	return store.Actor{Kind: store.Operator, Name: name, Address: address, Terminal: env.Terminal, Command: env.command}
}

func claimed(text string) string { return fmt.Sprintf("(says %s)", text) }
