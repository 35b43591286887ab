package commands

import (
	"github.com/urfave/cli/v2"

	"capf/crypto"
)

type exportOptions struct {
	force bool   // replace a file
	out   string // "" or - is stdout
	der   bool
}

func exportFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "out", Usage: "write it to `FILE` (- is stdout)"},
		forceFlag(),
		&cli.BoolFlag{Name: "der", Usage: "write DER instead of PEM"},
	}
}

func exportChoice(c *cli.Context) exportOptions {
	return exportOptions{force: c.Bool("force"), out: c.String("out"), der: c.Bool("der")}
}

// exportChain writes a certificate and, in PEM, those above it.
func exportChain(env *Env, o exportOptions, chain ...[]byte) error {
	if o.der {
		return writeBinary(env, o.out, o.force, chain[0])
	}
	return env.writeOutput(o.out, o.force, crypto.CertificatePEM(chain...))
}
