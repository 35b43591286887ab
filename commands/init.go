package commands

import (
	"context"
	"errors"
	"strconv"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/crypto"
	"capf/enroll/secrets"
	"capf/internal/apperr"
	"capf/internal/serialnumber"
	"capf/store"
)

// defaultKeyBits is the size of the CAPF key unless --key-bits says otherwise.
const defaultKeyBits = 2048

type initOptions struct {
	name    crypto.Name
	named   bool // at least one part of the name was given
	keyBits int
}

func initCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "init", Short: "create the database and the CAPF certificate",
		Role: cmdline.Admin,
		About: `Whatever exists is left alone, so the command can be repeated. The certificate is
self-signed and valid for five years; its common name is CAPF- and eight random
digits. If no part of the name is given, they are asked for on a terminal, and what
will be made is shown for confirmation. The
master key, without which the secrets in the database cannot be read, is written
beside the database or, for the system's database, into /etc/capf if that folder
exists. Keep copies of both, in different places.`,
		Example: "capf init --organization Example --country DE",
		Output:  cmdline.Object, Flags: nameFlags(),
		Run: func(c *cli.Context) error {
			o, err := initChoice(c)
			if err != nil {
				return err
			}
			return initialize(c.Context, env, o)
		},
	}
}

// nameFlags describe the CAPF certificate, in case it has to be made.
func nameFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "organization", Usage: "`NAME` of the organization (O)"},
		&cli.StringFlag{Name: "unit", Usage: "`NAME` of the organizational unit (OU)"},
		&cli.StringFlag{Name: "locality", Usage: "`NAME` of the city (L)"},
		&cli.StringFlag{Name: "state", Usage: "`NAME` of the state or province (ST)"},
		&cli.StringFlag{Name: "country", Usage: "`CODE` of the country, two letters (C)"},
		&cli.StringFlag{Name: "key-bits", Value: strconv.Itoa(defaultKeyBits), Usage: "`SIZE` of the RSA key: 2048, 3072, 4096"},
	}
}

func initChoice(c *cli.Context) (initOptions, error) {
	o := initOptions{
		name: crypto.Name{
			Organization: c.String("organization"), OrganizationalUnit: c.String("unit"),
			Locality: c.String("locality"), State: c.String("state"), Country: c.String("country"),
		},
		keyBits: defaultKeyBits,
	}
	o.named = o.name != crypto.Name{}
	if err := o.name.Check(); err != nil {
		return o, apperr.WithHint(misuse(err), "%s", countryHint(o.name.Country))
	}
	if !c.IsSet("key-bits") {
		return o, nil
	}
	var err error
	o.keyBits, err = parsed(c, "key-bits", capfKeyBits)
	return o, err
}

// capfKeyBits parses the size of a CAPF key.
func capfKeyBits(s string) (int, error) {
	n, err := number(s)
	if err != nil || n != 2048 && n != 3072 && n != 4096 {
		return 0, apperr.Usage("%q is not the size of a CAPF key; it is one of 2048, 3072, 4096", s)
	}
	return n, nil
}

func initialize(ctx context.Context, env *Env, o initOptions) error {
	if !o.named && env.Prompt != nil {
		missing, err := certificateMissing(ctx, env)
		if err != nil {
			return err
		}
		if missing {
			if err := askIdentity(env, &o); err != nil {
				return err
			}
		}
	}
	s, err := createStore(ctx, env)
	if err != nil {
		return err
	}
	sealer, err := createSealer(ctx, env, s)
	if err != nil {
		return err
	}
	got, err := capfWith(env, s, sealer).Init(ctx, env.actor(), o.name, o.keyBits)
	if err != nil {
		return err
	}
	if got.Created {
		env.say("made the CAPF certificate in %s", s.Path())
	} else {
		env.say("the CAPF certificate exists, nothing was changed")
	}
	err = showObject(env, []field{
		{"", "created", got.Created},
		{"Database", "database", s.Path()},
		{"Master key", "master_key_file", secrets.MasterKeyFile(s.Path(), env.Getenv)},
		{"Subject", "subject", got.Certificate.Subject.String()},
		{"Serial", "serial", serialnumber.Text(got.Certificate.SerialNumber)},
		{"Valid until", "not_after", got.Certificate.NotAfter},
		{"SHA-256", "fingerprint_sha256", got.Fingerprint},
	})
	if err == nil && got.Created {
		env.say("next: capf serve, or systemctl start capf; then phones, with capf device add or capf bulk insert")
	}
	return err
}

// certificateMissing looks without creating the database: the questions come
// first, so that interrupting them leaves nothing behind.
func certificateMissing(ctx context.Context, env *Env) (bool, error) {
	s, err := env.openStore(ctx)
	if err == nil {
		_, err = s.Identity(ctx)
	}
	if errors.Is(err, store.ErrNotFound) {
		return true, nil
	}
	return false, err
}
