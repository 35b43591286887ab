package commands

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/files"
	"capf/enroll/phone"
	"capf/internal/apperr"
)

func phoneDeleteCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "delete", Args: "NAME", Short: "have the server delete the certificate of the phone NAME",
		Role: cmdline.Operator,
		About: `It acts like a phone for which Delete is scheduled, and removes the files that
phone enroll has written.`,
		Example: "capf phone delete SEP001122334455 --server localhost:3804 --out .",
		Output:  cmdline.Object, NoStore: true,
		Flags: append(phoneFlags(), &cli.StringFlag{Name: "out", Value: ".", Usage: "the folder `DIR` of phone enroll"}),
		Run: func(c *cli.Context) error {
			o, err := phoneChoice(env, c, phone.Deleted)
			if err != nil {
				return err
			}
			o.NewKey, o.Delete = noKey, o.remove
			return actAsPhone(c.Context, env, o)
		},
	}
}

func (o phoneOptions) remove() error {
	for _, file := range []string{o.certificateFile(), o.keyFile()} {
		if err := files.Remove(o.door, file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing %q: %w", file, apperr.WithoutPath(err))
		}
	}
	return nil
}
