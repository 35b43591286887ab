package commands

import (
	"context"
	"crypto/rand"
	"errors"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/term"
	"capf/crypto/keyfile"
	"capf/enroll/lists"
	"capf/internal/apperr"
)

type sastExportOptions struct {
	out          string
	place        lists.Place
	passwordFile string
	pem, legacy  bool
}

func sastExportCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "export", Short: "write a copy of a key that signs trust lists, to be kept elsewhere",
		Role: cmdline.Admin,
		About: `Whoever has the file and its password can sign lists that your phones take: keep it
where the master key is kept, and not beside it. The file is PKCS#12, like the
ITLRecovery.p12 of the vendor, encrypted with AES-256; with --legacy with 3DES, for
programs that know nothing else. With --pem it is not encrypted at all. It is readable
for its owner only, and never replaces a file. The event in the audit log says that the
key has left the database.

openssl shows what is in it: openssl pkcs12 -in sast.p12 -noout -info.`,
		Example: "capf trust-list sast export --out sast.p12 --password-file password",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "out", Usage: "write to the new `FILE` (- is stdout)"},
			&cli.BoolFlag{Name: "spare", Usage: "the spare, not the key that signs"},
			&cli.StringFlag{Name: "password-file", Usage: "read the password of the file from `FILE` (- is stdin)"},
			&cli.BoolFlag{Name: "legacy", Usage: "encrypt it as old programs need it"},
			&cli.BoolFlag{Name: "pem", Usage: "write PEM without encryption"},
		},
		Run: func(c *cli.Context) error {
			o := sastExportOptions{c.String("out"), lists.SignerPlace, c.String("password-file"), c.Bool("pem"), c.Bool("legacy")}
			if c.Bool("spare") {
				o.place = lists.SparePlace
			}
			switch {
			case o.out == "":
				return apperr.WithHint(apperr.Usage("--out is missing"), "--out sast.p12, or --out - for a pipe")
			case o.pem && (o.legacy || o.passwordFile != ""):
				return apperr.Usage("--pem writes without encryption, and goes with neither --password-file nor --legacy")
			case o.out == "-" && env.screen:
				return apperr.Usage("--out - would write a private key to the terminal; name a file")
			}
			return sastExport(c.Context, env, o)
		},
	}
}

func sastExport(ctx context.Context, env *Env, o sastExportOptions) error {
	s, err := env.openStore(ctx)
	if err != nil {
		return err
	}
	rules, err := listSigning(ctx, env, s)
	if err != nil {
		return err
	}
	keys, err := lists.LoadKeys(ctx, s.Reader, rules.Sealer)
	if err != nil {
		return err
	}
	key := &keys.Signer
	if o.place == lists.SparePlace {
		if key = keys.Spare; key == nil {
			return apperr.WithHint(apperr.Refused("there is no spare"), "capf trust-list init makes one")
		}
	}
	exported := func(to string) error { return rules.Exported(ctx, env.actor(), key.Certificate, to) }
	pair := keyfile.Pair{Certificate: key.Certificate, Key: key.Key}
	if o.out == "-" {
		return o.toStdout(env, pair, exported)
	}
	if err := o.toFile(env, pair, exported); err != nil {
		return err
	}
	env.say("wrote the %s, %s, to %s; move it off this machine", o.place, key.Certificate.Subject, term.OneLine(o.out))
	return nil
}

// toStdout records the copy first: what has been written cannot be taken back.
func (o sastExportOptions) toStdout(env *Env, p keyfile.Pair, exported func(to string) error) error {
	data, err := o.encode(env, p)
	if err == nil {
		err = exported("stdout")
	}
	if err != nil {
		return err
	}
	defer clear(data)
	_, err = env.out.Write(data)
	return err
}

// toFile makes the file first, so that nobody is asked for a password in vain.
func (o sastExportOptions) toFile(env *Env, p keyfile.Pair, exported func(to string) error) error {
	f, err := newSecretFile(env.door(), o.out)
	if err != nil {
		return err
	}
	data, err := o.encode(env, p)
	if err == nil {
		defer clear(data)
		_, err = f.file.Write(data)
		err = f.keep(err)
	}
	if err == nil {
		err = exported("a file")
	}
	if err != nil {
		return errors.Join(err, f.discard())
	}
	return nil
}

// encode makes the file.
func (o sastExportOptions) encode(env *Env, p keyfile.Pair) ([]byte, error) {
	if o.pem {
		return p.PEM()
	}
	password, err := o.password(env)
	if err != nil {
		return nil, err
	}
	return p.PKCS12(rand.Reader, password, o.legacy)
}

// password is asked for twice: nobody could read a file with a mistyped one.
func (o sastExportOptions) password(env *Env) (string, error) {
	switch {
	case o.passwordFile != "":
		return env.readSecret(o.passwordFile)
	case env.Prompt == nil:
		return "", apperr.WithHint(apperr.Usage("the password of the file is missing"), "--password-file FILE, or - for stdin")
	}
	for {
		first, err := env.askSecret("Password of the file")
		if err != nil {
			return "", err
		}
		again, err := env.askSecret("Again")
		if err != nil || again == first {
			return first, err
		}
		env.say("these are two different ones")
	}
}
