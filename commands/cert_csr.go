package commands

import (
	"context"
	"encoding/pem"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
)

func certCSRCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "csr", Args: "capf", Short: "write a request to have the CAPF certificate signed by a company CA",
		Role: cmdline.Admin,
		About: `The request is a PKCS#10 for the CAPF key, with the subject of the CAPF
certificate. It asks for CA:TRUE with pathlen:0, the key usages digitalSignature
and keyCertSign, and the extended ones serverAuth, clientAuth and ipsecEndSystem,
because verifiers apply them to the LSCs below. Upload the signed certificate with
"capf cert upload --purpose capf". Nothing is changed. While a certificate is
prepared, the request is for its key.`,
		Example: "capf cert csr capf --out capf.csr",
		Flags:   exportFlags(),
		Run: func(c *cli.Context) error {
			if err := onlyCAPF(c.Args().First()); err != nil {
				return err
			}
			return certCSR(c.Context, env, exportChoice(c))
		},
	}
}

func certCSR(ctx context.Context, env *Env, o exportOptions) error {
	s, err := env.openStore(ctx)
	if err != nil {
		return err
	}
	capf, err := openCAPF(ctx, env, s)
	if err != nil {
		return err
	}
	der, prepared, err := capf.Request(ctx)
	if err != nil {
		return err
	}
	if prepared {
		env.say("it is for the key of the prepared certificate, which is the next to be shown")
	}
	if o.der {
		return writeBinary(env, o.out, o.force, der)
	}
	return env.writeOutput(o.out, o.force, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}))
}
