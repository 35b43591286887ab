package commands

import (
	stdcrypto "crypto"
	"crypto/rand"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/files"
	"capf/crypto"
	"capf/enroll/phone"
	"capf/internal/apperr"
)

func phoneEnrollCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "enroll", Args: "NAME", Short: "get a certificate as the phone NAME",
		Role: cmdline.Operator,
		About: `It acts like a phone for which Install/Upgrade is scheduled, and writes NAME.key
and NAME.pem before it confirms. For a MAC address, the phone is SEP and its digits.
If communication fails, it tries three times, 30 seconds apart.`,
		Example: "capf phone enroll SEP001122334455 --server localhost:3804 --out .",
		Output:  cmdline.Object, NoStore: true,
		Flags: append(phoneFlags(),
			&cli.StringFlag{Name: "out", Value: ".", Usage: "write key and certificate into the folder `DIR`"},
			&cli.StringFlag{Name: "keys", Value: "any", Usage: "`KIND` of key that it can generate: rsa, ec, any"},
			&cli.StringFlag{Name: "possession", Value: "sign", Usage: "`ANSWER` to a request for proof of possession: sign, refuse, drop"},
			&cli.DurationFlag{Name: "wait", Usage: "`TIME` to wait for the certificate (default: no limit)"}),
		Run: func(c *cli.Context) error {
			o, err := enrollChoice(env, c)
			if err != nil {
				return err
			}
			return actAsPhone(c.Context, env, o)
		},
	}
}

func enrollChoice(env *Env, c *cli.Context) (phoneOptions, error) {
	o, err := phoneChoice(env, c, phone.Installed)
	if err != nil {
		return o, err
	}
	if o.WaitForIssue = c.Duration("wait"); c.IsSet("wait") && o.WaitForIssue <= 0 {
		return o, apperr.Usage("--wait must be longer than 0; without it there is no limit")
	}
	o.Store, o.Delete = o.keep, declined
	switch c.String("keys") {
	case "any":
	case "rsa", "ec":
		o.NewKey = onlyKeys(c.String("keys"))
	default:
		return o, apperr.Usage("--keys: %q is not rsa, ec or any", c.String("keys"))
	}
	switch c.String("possession") {
	case "sign":
	case "refuse":
		o.Possession = phone.Refuse
	case "drop":
		o.Possession = phone.Drop
	default:
		return o, apperr.Usage("--possession: %q is not sign, refuse or drop", c.String("possession"))
	}
	return o, nil
}

// onlyKeys generates keys of one kind, like a phone that knows no others.
func onlyKeys(kind string) func(crypto.KeyKind) (stdcrypto.Signer, error) {
	return func(asked crypto.KeyKind) (stdcrypto.Signer, error) {
		if !strings.HasPrefix(string(asked), kind+"-") {
			return nil, fmt.Errorf("this phone cannot generate an %s key", asked)
		}
		return crypto.GenerateKey(rand.Reader, asked)
	}
}

// keep stores what the phone got: the key first, because the certificate is useless
// without it.
func (o phoneOptions) keep(der []byte, key stdcrypto.Signer) error {
	pem, err := crypto.PrivateKeyPEM(key)
	if err != nil {
		return err
	}
	if err := files.Replace(o.door, o.keyFile(), pem, 0o600); err != nil {
		return err
	}
	return files.Replace(o.door, o.certificateFile(), crypto.CertificatePEM(der), 0o644)
}
