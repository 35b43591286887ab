package commands

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/files"
	"capf/enroll/phoneconfig"
	"capf/enroll/trustlist"
	"capf/store"
)

type phoneConfigEncryptOptions struct {
	files       []string
	device, out string
	dryRun      bool
}

func phoneConfigEncryptCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "encrypt", Args: "FILE...", Short: "encrypt configuration files, each to the certificate of its phone",
		Role: cmdline.Operator,
		About: `A FILE is the configuration file of a phone, called after its device as in
SEP001122334455.cnf.xml, or a folder with such files. Two files are written, into
--out or beside it: FILE.enc.sgn, which only the phone can read, and FILE.sgn, the
short companion that tells the phone to ask for it. Both are signed with the key that
"trust-list add CERT --role tftp --key KEY" has sealed, and have the mode of FILE.

It is encrypted to the LSC of the phone, else to its MIC, if the phone has shown
that. The key must be RSA: with an EC key, phones decrypt nothing. When a phone has
a new LSC, its file has to be encrypted again; until then the phone cannot read it,
and contacts CAPF by itself. What has not changed since is left as it is.

Whoever can fetch FILE itself can read it, so it belongs into a folder that phones do
not see: --out is the one that they see.`,
		Example: "capf phone-config encrypt SEP001122334455.cnf.xml --out public",
		Output:  cmdline.List, Columns: headings(configColumns),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "device", Usage: "`NAME` of the device, if the one file is not called after it"},
			&cli.StringFlag{Name: "out", Usage: "write into the folder `DIR`, which must exist"},
			&cli.BoolFlag{Name: "dry-run", Usage: "only show what would be encrypted; exit code 6 if that is anything"},
		},
		Run: func(c *cli.Context) error {
			return phoneConfigEncrypt(c.Context, env, phoneConfigEncryptOptions{c.Args().Slice(), c.String("device"), c.String("out"), c.Bool("dry-run")})
		},
	}
}

func phoneConfigEncrypt(ctx context.Context, env *Env, o phoneConfigEncryptOptions) error {
	if err := oneFile(env, o.files, "device", o.device); err != nil {
		return err
	}
	s, signer, err := openFileSigner(ctx, env)
	if err != nil {
		return err
	}
	all, err := readConfigs(ctx, env, s)
	if err != nil {
		return err
	}
	return configWork{env, "encrypted", o.dryRun, encrypting{all, env, o, signer}.file}.all(ctx, o.files)
}

// encrypting encrypts files one by one.
type encrypting struct {
	configs
	env     *Env
	options phoneConfigEncryptOptions
	signer  *phoneconfig.Signer
}

func (w encrypting) file(ctx context.Context, row *configRow) error {
	plain, err := files.ReadPresent(w.env.door(), row.file, trustlist.MaxFile)
	if err != nil {
		return err
	}
	d, err := w.deviceFor(ctx, row.file, w.options.device)
	if err != nil {
		return err
	}
	row.device = d.Name
	e, held, err := w.configOf(ctx, d)
	if err != nil {
		return err
	}
	// Phones ask for the name as capf has it, in capital letters.
	name := d.Name + trustlist.ConfigEnd
	folder := w.options.out
	if folder == "" {
		folder = filepath.Dir(row.file)
	}
	encrypted, err := files.ReadBeside(w.env.door(), filepath.Join(folder, name+trustlist.EncryptedEnd), plain, 2*trustlist.MaxFile)
	if err != nil {
		return err
	}
	companion, err := files.ReadBeside(w.env.door(), filepath.Join(folder, name+trustlist.SignedEnd), plain, 2*trustlist.MaxFile)
	if err != nil {
		return err
	}
	pair, err := w.signer.Encrypt(name, plain.Data, d, e, held, phoneconfig.Pair{Encrypted: encrypted.Data, Companion: companion.Data})
	if err != nil {
		return fmt.Errorf("reading %q: %w", row.file, err)
	}
	row.detail = toWhom(d, held)
	// The companion comes last: it sends phones to the other.
	if err := keepUp(row, w.options.dryRun, encrypted, pair.Encrypted); err != nil || row.outcome == configUnchanged {
		return err
	}
	alone := *row
	return keepUp(&alone, w.options.dryRun, companion, pair.Companion)
}

// toWhom says for which certificate a file is encrypted, and for how long that is good.
func toWhom(d store.Device, held phoneconfig.Held) string {
	to := map[string]string{"lsc": "to its LSC", "mic": "to its MIC"}[held.Kind]
	if d.Operation == store.Install {
		to += "; Install/Upgrade is scheduled: encrypt it again when the phone has its new LSC"
	}
	return to
}
