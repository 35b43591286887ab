package commands

import (
	"context"
	"errors"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/files"
	"capf/crypto/keyfile"
	"capf/enroll/lists"
	"capf/internal/apperr"
)

type sastImportOptions struct {
	file, keyFile, passwordFile string
	place                       lists.Place
	yes, dryRun                 bool
}

func sastImportCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "import", Args: "FILE", Short: "take over a key that signs trust lists",
		Role: cmdline.Admin,
		About: `FILE is PKCS#12, like the ITLRecovery.p12 of the vendor, or PEM with the certificate
and the private key, which may also be in a file of its own. The key must be RSA with
1024 or 2048 bits: phones take no other signatures.

Where there are no keys yet, it signs the lists, so phones that know it from lists of
another server take ours. Where there are, it becomes the spare: phones that hold a list
of the present key would refuse one that another key signs at once. Later, capf
trust-list rotate has it sign. The spare that it replaces is forgotten.`,
		Example: "capf trust-list sast import ITLRecovery.p12 --password-file password",
		Output:  cmdline.Object,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "key", Usage: "the private key is in `FILE`, as PEM"},
			&cli.StringFlag{Name: "as", Usage: "refuse it unless it gets the `PLACE`: signer, spare"},
			&cli.StringFlag{Name: "password-file", Usage: "read the password of FILE from `FILE` (- is stdin)"},
			&cli.BoolFlag{Name: "yes", Usage: "do not ask"},
			&cli.BoolFlag{Name: "dry-run", Usage: "only say what would be done"}, bypassFlag(),
		},
		Run: func(c *cli.Context) error {
			o := sastImportOptions{c.Args().First(), c.String("key"), c.String("password-file"), lists.Place(c.String("as")), c.Bool("yes"), c.Bool("dry-run")}
			if c.IsSet("as") && o.place != lists.SignerPlace && o.place != lists.SparePlace {
				return apperr.Usage("--as: %q is neither signer nor spare", string(o.place))
			}
			stdin := 0
			for _, name := range []string{o.file, o.keyFile, o.passwordFile} {
				if name == "-" {
					stdin++
				}
			}
			if stdin > 1 {
				return apperr.Usage("only one of FILE, --key and --password-file can be - (stdin)")
			}
			return sastImport(c.Context, env, o)
		},
	}
}

func sastImport(ctx context.Context, env *Env, o sastImportOptions) error {
	s, err := env.openFor(ctx, o.dryRun)
	if err != nil {
		return err
	}
	pair, err := o.read(env)
	if err != nil {
		return err
	}
	place, known, err := lists.ImportPlace(ctx, s.Reader, pair.Certificate, o.place, env.Now())
	if err != nil {
		return err
	}
	if !known {
		st, err := lists.Stand(ctx, s.Reader)
		if err != nil && !errors.Is(err, lists.ErrNone) {
			return err
		}
		if err := o.agree(env, st); err != nil {
			return err
		}
	}
	if _, _, err := approvals(env, s).Lists().Import(ctx, pair, o.place); err != nil {
		return err
	}
	switch {
	case known:
		env.say("it is the %s already, nothing was changed", place)
	case o.dryRun:
		env.say("it would become the %s: %s", place, pair.Certificate.Subject)
		return nil
	default:
		env.say("it is the %s now", place)
	}
	st, err := lists.Stand(ctx, s.Reader)
	if err != nil {
		return err
	}
	fields := []field{{"", "imported", !known}, {"", "place", string(place)}}
	if err := showObject(env, append(fields, standingFields(st)...)); err != nil {
		return err
	}
	switch {
	case st.Spare == nil:
		env.say("next: capf trust-list init makes the spare, which lists need before the key can be changed")
	case !known:
		env.say("next: once phones have fetched the list, capf trust-list rotate --yes has it sign, or --after TIME plans it")
	}
	return nil
}

// agree asks whether the spare is to be replaced.
func (o sastImportOptions) agree(env *Env, st lists.Standing) error {
	if st.Spare == nil {
		return nil
	}
	if st.Spare.CopiedAt.IsZero() {
		env.say("warning: no copy of the present spare has been exported; capf trust-list sast export --spare makes one")
	}
	return env.consent(o.yes || o.dryRun, "forget the present spare, SHA-256 %s, and have this one in its place", st.Spare.Fingerprint)
}

// read reads the key and its certificate.
func (o sastImportOptions) read(env *Env) (keyfile.Pair, error) {
	data, err := env.readInput(o.file, certificateLimit)
	if err != nil {
		return keyfile.Pair{}, err
	}
	defer clear(data)
	var key []byte
	if o.keyFile != "" {
		if key, err = env.readInput(o.keyFile, certificateLimit); err != nil {
			return keyfile.Pair{}, err
		}
		defer clear(key)
	}
	p, unanswered, err := o.parse(env, data, key)
	if err == nil || unanswered {
		return p, err
	}
	return p, apperr.WithHint(apperr.Refused("reading %s: %v", files.InputName(o.file), err), "%s", apperr.Hint(err))
}

// parse says whether the error is that of the question for the password.
func (o sastImportOptions) parse(env *Env, data, key []byte) (p keyfile.Pair, unanswered bool, err error) {
	if key != nil {
		p, err = keyfile.ReadSeparate(data, key)
		return p, false, err
	}
	p, err = keyfile.Read(data, func() (string, error) {
		word, err := o.password(env)
		unanswered = err != nil
		return word, err
	})
	return p, unanswered, err
}

func (o sastImportOptions) password(env *Env) (string, error) {
	switch {
	case o.passwordFile != "":
		return env.readSecret(o.passwordFile)
	case env.Prompt == nil:
		return "", apperr.WithHint(apperr.Usage("the password of %s is missing", files.InputName(o.file)), "--password-file FILE, or - for stdin")
	}
	return env.askSecret("Password of " + files.InputName(o.file))
}
