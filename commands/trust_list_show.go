package commands

import (
	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
)

func trustListShowCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "show", Args: "FILE", Short: "show a trust list, or a signed or encrypted file, of any server",
		Privilege: cmdline.Look, Role: cmdline.Reader,
		About: `FILE (- is stdin) is a CTL or ITL, or a configuration file that ends in .sgn or
.enc.sgn, made by capf, CUCM or certutils. The certificates in a list tell whether
its signature is valid. The signer of the other files stands in the list that the
phone holds: --held names it.`,
		Example: "capf trust-list show ITLFile.tlv",
		Output:  cmdline.List, NoStore: true, Columns: headings(trustRecordColumns),
		Flags: []cli.Flag{heldFlag()},
		Run: func(c *cli.Context) error {
			f, err := readTrustFile(env, c.Args().First())
			if err != nil {
				return err
			}
			held, err := readHeld(env, c.StringSlice("held"))
			if err != nil {
				return err
			}
			return showTrustFile(env, f, held)
		},
	}
}

// heldFlag names the lists of a phone.
func heldFlag() cli.Flag {
	return &cli.StringSliceFlag{Name: "held", Usage: "`FILE` with a list that the phone holds; may be repeated for CTL and ITL"}
}
