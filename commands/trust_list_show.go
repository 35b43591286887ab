package commands

import (
	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/internal/apperr"
)

func trustListShowCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "show", Args: "FILE", Short: "show a trust list, or a signed or encrypted file, of any server",
		Privilege: cmdline.Look, Role: cmdline.Reader,
		About: `FILE (- is stdin) is a CTL or ITL, or a configuration file that ends in .sgn or
.enc.sgn, made by capf, CUCM or certutils. The certificates in a list tell whether
its signature is valid. The signer of the other files stands in the list that the
phone holds: --held names it.

--pem writes out the certificate of one record, to be given to other programs.`,
		Example: "capf trust-list show ITLFile.tlv",
		Output:  cmdline.List, NoStore: true, Columns: headings(trustRecordColumns),
		Flags: []cli.Flag{heldFlag(), &cli.IntFlag{Name: "pem", Usage: "only write out the certificate of record `NUMBER`, as PEM"}},
		Run: func(c *cli.Context) error {
			f, err := readTrustFile(env, c.Args().First())
			if err != nil {
				return err
			}
			if c.IsSet("pem") {
				return f.writeRecord(env, c.Int("pem"))
			}
			held, err := readHeld(env, c.StringSlice("held"))
			if err != nil {
				return err
			}
			return showTrustFile(env, f, held)
		},
	}
}

// writeRecord writes out the certificate of one record.
func (f trustFile) writeRecord(env *Env, number int) error {
	if f.list == nil {
		return apperr.Usage("--pem: %s is a signed file, and has no records", f.name)
	}
	rows := trustRecords(f.list)
	if number < 1 || number > len(rows) {
		return apperr.Usage("--pem: %s has the records 1 to %d", f.name, len(rows))
	}
	r := rows[number-1]
	if r.pem == "" {
		return apperr.Refused("record %d of %s: %s", number, f.name, r.key)
	}
	return env.writeOutput("-", false, []byte(r.pem))
}

// heldFlag names the lists of a phone.
func heldFlag() cli.Flag {
	return &cli.StringSliceFlag{Name: "held", Usage: "`FILE` with a list that the phone holds; may be repeated for CTL and ITL"}
}
