// Package commands is the operator's interface: it turns a command line into
// options, makes one call, and prints the outcome. It knows streams, flags and
// the operator's words. It must not know the rules, which live in enroll, or the
// facts, which live in store.
package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/files"
	"capf/commands/internal/host"
	"capf/commands/internal/term"
)

// Main runs one command line and returns the exit code.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	return runProcess(newEnv(stdin, stdout, stderr), args)
}

func runProcess(env *Env, args []string) int {
	// With a handler for SIGPIPE, a write to a closed pipe is an error that can be
	// distinguished; without one it would kill the process. A handler, unlike
	// Ignore, is not inherited by child processes.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	// Files are for the user alone, unless their writer says otherwise.
	syscall.Umask(0o077)
	// Many commands read a key, a password or an authentication string, each in its
	// own way.
	if err := host.KeepMemory(); err != nil {
		return env.report(err)
	}
	return env.run(context.Background(), args)
}

// run runs one command line and reports its error.
func (env *Env) run(ctx context.Context, argv []string) int {
	err := dispatch(ctx, env, argv)
	if env.confined != nil && errors.Is(err, files.ErrForbidden) {
		noteForbidden(ctx, env, err)
	} else if env.confined != nil {
		noteForbidden(ctx, env, env.confined.Files.Refused)
	}
	if perr := showWaiting(env, err); perr != nil {
		err = perr
	}
	return env.report(outcome(err, env.close()))
}

// dispatch finds the command that the line names and runs it.
func dispatch(ctx context.Context, env *Env, argv []string) error {
	if len(argv) > 1 && argv[1] == "--version" {
		argv = append([]string{argv[0], "version"}, argv[2:]...)
	}
	if len(argv) > 1 && argv[1] == completionWord && env.confined == nil {
		return completeLine(ctx, env, argv[2:])
	}
	root := tree(env)
	l, err := cmdline.Parse(root, argv)
	if err == nil {
		env.command = record(l)
	}
	if err == nil && env.confined != nil {
		l, err = env.confined.Check(root, l, argv)
	}
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	page(env, l, stop)
	if l.Help {
		var page strings.Builder
		cmdline.Help(&page, l)
		_, err := env.out.WriteString(typed(env, page.String()))
		return err
	}
	return l.Run(ctx, env.Stderr, func(c *cli.Context) error { return takeCommon(env, c, l.Command) })
}

// commandLength is how many bytes of a command line the record keeps.
const commandLength = 500

// record is the command line as the record of changes keeps it. No command
// takes a secret as an argument or as the value of a flag, so none is in it.
func record(l cmdline.Line) string {
	text := l.Name()
	for _, word := range append(l.Flags, l.Args...) {
		text += " " + word
	}
	if len(text) > commandLength {
		text = fmt.Sprintf("%s… (%d bytes)", text[:commandLength], len(text))
	}
	return term.OneLine(text)
}
