package cmdline

import (
	"context"
	"io"

	"github.com/urfave/cli/v2"

	"capf/internal/apperr"
)

// Run has urfave/cli parse the values of the flags, calls before for the flags that all
// commands have in common, and runs the command. The line is handed over flags first,
// separated from the arguments by --. Everything that urfave/cli would do by itself is
// switched off: its help goes to stdout on misuse,
// its required flags bypass the error handler, its exit handler ends the process.
func (l *Line) Run(ctx context.Context, stderr io.Writer, before func(*cli.Context) error) error {
	app := &cli.App{
		Name: l.Name(), Flags: l.Command.AllFlags(),
		HideHelp: true, HideHelpCommand: true, HideVersion: true,
		Writer: stderr, ErrWriter: stderr,
		ExitErrHandler: func(*cli.Context, error) {},
		OnUsageError: func(_ *cli.Context, err error, _ bool) error {
			return apperr.WithHint(apperr.Usage("%s%s", l.doing(), err), "%s --help lists the flags", l.Name())
		},
		Action: func(c *cli.Context) error {
			if err := before(c); err != nil {
				return err
			}
			return l.Command.Run(c)
		},
	}
	words := append([]string{l.Path[0]}, l.Flags...)
	words = append(append(words, "--"), l.Args...)
	return app.RunContext(ctx, words)
}
