package commands

import (
	stdcrypto "crypto"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/crypto"
	"capf/enroll/phone"
)

func phoneFetchCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "fetch", Args: "NAME", Short: "send the certificates of the phone NAME to the server",
		Role: cmdline.Operator,
		About: `It acts like a phone for which Troubleshoot is scheduled. The LSC is the certificate
that phone enroll has written, unless --lsc names another one.`,
		Example: "capf phone fetch SEP001122334455 --server localhost:3804 --out .",
		Output:  cmdline.Object, NoStore: true,
		Flags: append(phoneFlags(),
			&cli.StringFlag{Name: "out", Value: ".", Usage: "the folder `DIR` of phone enroll"},
			&cli.StringFlag{Name: "lsc", Usage: "the LSC of the phone is in `FILE`"},
			&cli.StringFlag{Name: "mic", Usage: "the MIC of the phone is in `FILE`"}),
		Run: func(c *cli.Context) error {
			o, err := phoneChoice(env, c, phone.Fetched)
			if err != nil {
				return err
			}
			o.NewKey, o.Delete = noKey, declined
			if o.MIC, err = phoneCertificate(env, c.String("mic")); err != nil {
				return err
			}
			lsc := c.String("lsc")
			if _, err := o.door.Stat(o.certificateFile()); lsc == "" && err == nil {
				lsc = o.certificateFile()
			}
			if o.LSC, err = phoneCertificate(env, lsc); err != nil {
				return err
			}
			return actAsPhone(c.Context, env, o)
		},
	}
}

func noKey(crypto.KeyKind) (stdcrypto.Signer, error) { return nil, declined() }
