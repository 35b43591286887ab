package commands

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/term"
	"capf/crypto"
	"capf/enroll/authority"
	"capf/internal/apperr"
	"capf/store"
)

type certUploadOptions struct {
	files    []string
	purposes []store.Purpose
	capf     bool // the purpose capf
	dryRun   bool
	authority.UploadOptions
}

func certUploadCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "upload", Args: "FILE...", Short: "put certificates into trust stores, or the signed CAPF certificate into place",
		About: `A FILE holds one certificate or a chain, as PEM, DER, PKCS#7 or base64, or is an
archive (.tgz, .tar or .zip) of such files; - is stdin. It goes into every trust
store that --purpose names. A FILE may be a folder: then all files in it are
taken whose names are those of certificates, such as .pem, .cer or .p7b; and
without --purpose, those in its folders capf-trust and callmanager-trust, each
for the store of that name. What is not taken has its row too, and when that is
everything, the exit code is 5.

` + useHelp + ` Without
--for, a manufacturer's CA, known by its name, vouches for mic, every other CA for
lsc and https, a web server's own certificate for https, and with --foreign-capf
each for foreign-lsc; the list shows it.

All is stored or nothing: one certificate that is refused holds the others back,
and the list says why. The same upload can be made again: a certificate that is
there already gets what --for and --description say, and stays as it is otherwise.

With --purpose capf the files are what a company CA has made of the request of
"capf cert csr capf": the CAPF certificate and the chain above it.

An issuer of LSCs whose extendedKeyUsage excludes clientAuth or serverAuth is
refused, since verifiers apply it to all LSCs below; --accept-eku takes it.`,
		Example: "capf cert upload root-ca.pem --purpose capf-trust --purpose callmanager-trust",
		Output:  cmdline.List,
		Flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "purpose", Usage: "`STORE`: " + strings.Join(append(purposeNames(), capfPurpose), ", ") + "; may be repeated"},
			forFlag(),
			&cli.StringFlag{Name: "description", Usage: "a `TEXT` for people"},
			&cli.BoolFlag{Name: "foreign-capf", Usage: "it is the CAPF certificate of another cluster"},
			&cli.BoolFlag{Name: "accept-eku", Usage: "take an issuer of LSCs whose extendedKeyUsage excludes clients or servers"},
			&cli.BoolFlag{Name: "dry-run", Usage: "only show what would be done"},
		},
		Run: func(c *cli.Context) error {
			o, err := certUploadChoice(c)
			if err != nil {
				return err
			}
			return certUpload(c.Context, env, o)
		},
	}
}

func certUploadChoice(c *cli.Context) (certUploadOptions, error) {
	o := certUploadOptions{files: c.Args().Slice()}
	o.Description, o.Describe = c.String("description"), c.IsSet("description")
	o.ForeignCAPF, o.AcceptEKU, o.dryRun = c.Bool("foreign-capf"), c.Bool("accept-eku"), c.Bool("dry-run")
	uses, err := usesOf(c)
	if err != nil {
		return o, err
	}
	if uses != nil {
		o.For = *uses
	}
	for _, name := range c.StringSlice("purpose") {
		if strings.EqualFold(name, capfPurpose) {
			o.capf = true
			continue
		}
		p, err := parsePurpose(name, capfPurpose)
		if err != nil {
			return o, err
		}
		if !slices.Contains(o.purposes, p) {
			o.purposes = append(o.purposes, p)
		}
	}
	if o.capf && (len(o.purposes) > 0 || o.ForeignCAPF || o.Describe || o.For != 0) {
		return o, apperr.Usage("--purpose capf goes with no other purpose, no --for, no --description and no --foreign-capf")
	}
	if o.For != 0 && len(o.purposes) > 0 && !slices.Contains(o.purposes, store.CAPFTrust) {
		return o, apperr.Usage("--for goes with --purpose capf-trust: the call server asks for no use of what is in its store")
	}
	return o, nil
}

// certUpload reads all files before the first is stored, so that a name that
// was mistyped changes nothing.
func certUpload(ctx context.Context, env *Env, o certUploadOptions) error {
	files, err := uploadFiles(env, o)
	if err != nil {
		return err
	}
	s, err := env.openFor(ctx, o.dryRun)
	if err != nil {
		return err
	}
	if o.capf {
		capf, err := openCAPF(ctx, env, s)
		if err != nil {
			return err
		}
		return uploadChain(ctx, env, capf, files, o)
	}
	rows, err := trustStores(env, s).Upload(ctx, env.actor(), files, o.UploadOptions)
	if rows == nil {
		return err
	}
	if err == nil || len(rows) > 1 || env.Format != term.Table {
		if perr := o.show(env, rows); perr != nil {
			return perr
		}
	}
	for _, row := range rows {
		if row.Warning != "" && err == nil {
			env.warn([]string{row.Warning})
		}
	}
	if err != nil {
		err = fmt.Errorf("cert upload: %w", err)
	} else if !slices.ContainsFunc(rows, func(r authority.UploadRow) bool { return r.Outcome != authority.UploadSkipped }) {
		return apperr.New(apperr.ErrPartly, "every file was skipped, so nothing was stored")
	}
	for _, known := range []struct{ reason, hint string }{
		{"reserved for CAPF", "--foreign-capf is for the CAPF certificate of another cluster"},
		{"extendedKeyUsage without", "--for https trusts a CA that only signs web servers; --accept-eku takes it for LSCs all the same"},
	} {
		if slices.ContainsFunc(rows, func(r authority.UploadRow) bool { return strings.Contains(r.Reason, known.reason) }) {
			return apperr.WithHint(err, "%s", known.hint)
		}
	}
	return err
}

// show lists what became of the certificates, or would.
func (o certUploadOptions) show(env *Env, rows []authority.UploadRow) error {
	for i, r := range rows {
		if o.dryRun && (r.Outcome == authority.UploadAdded || r.Outcome == authority.UploadChanged) {
			rows[i].Outcome = "would be " + r.Outcome
		}
	}
	return showList(env, values(rows), uploadColumns, "there is no certificate")
}

// uploadChain puts the certificate that a CA has signed in the place of the
// CAPF certificate.
func uploadChain(ctx context.Context, env *Env, capf authority.CAPF, files []authority.UploadFile, o certUploadOptions) error {
	a, changed, err := capf.UploadChain(ctx, env.actor(), files, o.UploadOptions)
	if err != nil {
		return fmt.Errorf("uploading the CAPF certificate: %w", err)
	}
	row := authority.UploadRow{File: strings.Join(o.files, ", "), Purpose: capfPurpose, Subject: a.Leaf().Subject.String(),
		Fingerprint: crypto.Fingerprint(a.Leaf()), Outcome: authority.UploadKnown}
	if changed {
		row.Outcome = authority.UploadAdded
	}
	if changed && !o.dryRun {
		env.say(capfInForce)
	}
	rows := []authority.UploadRow{row}
	for _, f := range files {
		if f.Skipped != "" {
			rows = append(rows, authority.UploadRow{File: f.Name, Outcome: authority.UploadSkipped, Reason: f.Skipped})
		}
	}
	return o.show(env, rows)
}

// capfInForce is what to do after the CAPF certificate has changed.
const capfInForce = "the certificate before it is in capf-trust now; a running serve takes the new one after: capf service restart capf"

// uploadColumns are the properties of the outcome of an upload.
var uploadColumns = []column[authority.UploadRow]{
	{"File", "file", func(u authority.UploadRow) any { return u.File }},
	{"Purpose", "purpose", func(u authority.UploadRow) any { return string(u.Purpose) }},
	{"Subject", "subject", func(u authority.UploadRow) any { return u.Subject }},
	{"Outcome", "outcome", func(u authority.UploadRow) any { return string(u.Outcome) }},
	{"For", "for", func(u authority.UploadRow) any { return u.For.Names() }},
	{"Reason", "reason", func(u authority.UploadRow) any { return u.Reason }},
	{"", "warning", func(u authority.UploadRow) any { return u.Warning }},
	{"", "fingerprint_sha256", func(u authority.UploadRow) any { return u.Fingerprint }},
}
