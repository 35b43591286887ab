package commands

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/files"
	"capf/enroll/phoneconfig"
	"capf/enroll/trustlist"
	"capf/internal/apperr"
	"capf/store"
)

type phoneConfigSignOptions struct {
	files        []string
	name, folder string
	dryRun       bool
}

func phoneConfigSignCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "sign", Args: "FILE...", Short: "sign files for phones whose list has the role TFTP",
		Role: cmdline.Operator,
		About: `Such phones ask for every file but firmware as NAME.sgn: their configuration, dial
plans, soft keys, ring tones, backgrounds. Beside each FILE its signed form FILE.sgn
is written, with the mode of FILE; that of a folder is written for each configuration
file of a phone in it. A FILE that has not changed since keeps the signed form that
it has.

The key is the one that "trust-list add CERT --role tftp --key KEY" has sealed, the
digest that of the parameter trust_list_digest; but phones of the 79xx and 69xx
series take SHA-1 alone, so it is that in their files, and, while there are such
devices, in files for all. The name for which a phone asks is
part of what is signed: the base name of FILE, or its path below --folder, or --name.`,
		Example: "capf phone-config sign SEP001122334455.cnf.xml",
		Output:  cmdline.List, Columns: headings(configColumns),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "name", Usage: "`NAME` for which phones ask, without .sgn, such as Desktops/320x212x12/List.xml"},
			&cli.StringFlag{Name: "folder", Usage: "the folder `DIR` that phones see: they ask for each FILE by its path below"},
			&cli.BoolFlag{Name: "dry-run", Usage: "only show what would be signed; exit code 6 if that is anything"},
		},
		Run: func(c *cli.Context) error {
			return phoneConfigSign(c.Context, env, phoneConfigSignOptions{c.Args().Slice(), c.String("name"), c.String("folder"), c.Bool("dry-run")})
		},
	}
}

func (o phoneConfigSignOptions) check(env *Env) error {
	if o.name != "" && o.folder != "" {
		return apperr.Usage("--name and --folder exclude each other")
	}
	return oneFile(env, o.files, "name", o.name)
}

// nameOf is the name for which phones ask.
func (o phoneConfigSignOptions) nameOf(file string) (string, error) {
	name := o.name
	switch {
	case o.folder != "":
		below, err := filepath.Rel(o.folder, file)
		if err != nil || !filepath.IsLocal(below) {
			return "", apperr.Usage("%q is not below %q", file, o.folder)
		}
		name = filepath.ToSlash(below)
	case name == "":
		name = filepath.Base(file)
	}
	return name, phoneconfig.CheckName(name)
}

func phoneConfigSign(ctx context.Context, env *Env, o phoneConfigSignOptions) error {
	if err := o.check(env); err != nil {
		return err
	}
	s, signer, err := openFileSigner(ctx, env)
	if err != nil {
		return err
	}
	return configWork{env, "signed", o.dryRun, fileSigning{env, s, o, signer}.file}.all(ctx, o.files)
}

// openFileSigner opens the database, and with it the key that signs files for phones.
func openFileSigner(ctx context.Context, env *Env) (*store.Reader, *phoneconfig.Signer, error) {
	s, err := env.question(ctx)
	if err != nil {
		return nil, nil, err
	}
	env.goOn()
	sealer, err := openSealer(ctx, env, s)
	if err != nil {
		return nil, nil, err
	}
	signer, err := phoneconfig.OpenSigner(ctx, s, sealer, env.Now)
	return s, signer, err
}

// fileSigning signs files one by one.
type fileSigning struct {
	env     *Env
	store   *store.Reader
	options phoneConfigSignOptions
	signer  *phoneconfig.Signer
}

func (w fileSigning) file(ctx context.Context, row *configRow) error {
	name, err := w.options.nameOf(row.file)
	if err != nil {
		return err
	}
	plain, err := files.ReadPresent(w.env.door(), row.file, trustlist.MaxFile)
	if err != nil {
		return err
	}
	if trustFileHint(plain.Data) != "" {
		return apperr.Refused("reading %q: it is a trust list or a signed file, which phones take as it is", row.file)
	}
	row.device = deviceOfFile(name)
	d, err := w.deviceNamed(ctx, row.device)
	if err != nil {
		return err
	}
	return w.write(row, plain, name, d)
}

// deviceNamed is the device of a file; nil for a file that is for all, or for a phone that
// is not known.
func (w fileSigning) deviceNamed(ctx context.Context, name string) (*store.Device, error) {
	if name == "" {
		return nil, nil
	}
	d, err := w.store.Device(ctx, name)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return &d, err
}

func (w fileSigning) write(row *configRow, plain files.Present, name string, d *store.Device) error {
	target := row.file + trustlist.SignedEnd
	present, err := files.ReadBeside(w.env.door(), target, plain, 2*trustlist.MaxFile)
	if err != nil {
		return err
	}
	signed, err := w.signer.Sign(name, plain.Data, present.Data, d)
	if err != nil {
		return fmt.Errorf("signing %q: %w", row.file, err)
	}
	row.detail = name + trustlist.SignedEnd
	return keepUp(row, w.options.dryRun, present, signed)
}

// keepUp writes a file unless it says that already, or only says whether it would.
func keepUp(row *configRow, dryRun bool, present files.Present, data []byte) error {
	if present.Says(data) {
		row.outcome = configUnchanged
		return nil
	}
	if dryRun {
		return nil
	}
	return present.Replace(data)
}
