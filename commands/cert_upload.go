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
	"capf/enroll/restart"
	"capf/internal/apperr"
	"capf/store"
)

type certUploadOptions struct {
	files    []string
	purposes []store.Purpose
	capf     bool // the purpose capf
	after    authority.Delay
	yes      bool // show what is prepared
	dryRun   bool
	authority.UploadOptions
}

func certUploadCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "upload", Args: "FILE...", Short: "put certificates into trust stores, or install the signed CAPF certificate",
		Role: cmdline.Admin,
		About: `A FILE holds one certificate or a chain, as PEM, DER, PKCS#7 or base64, or is an
archive (.tgz, .tar or .zip) of such files; - is stdin. It goes into every trust
store that --purpose names. A FILE may also be a folder: then every file in it
that is named like a certificate, such as .pem, .cer or .p7b, is taken. Without
--purpose, these are the files in its folders capf-trust, callmanager-trust,
phone-sast-trust and tvs-trust, each for the store of that name; a folder with any
other name is refused. A file that is not taken has a row that says why. With
--strict it is an error, and nothing is stored; without, the exit code is 5 only if
every file was skipped.

` + useHelp + ` Without
--for, a manufacturer's CA, known by its name, vouches for mic, every other CA for
lsc and https, a web server's own certificate for https, and with --foreign-capf
every certificate for foreign-lsc; the list shows it.

` + tvsStores + `

Either everything is stored or nothing: one refused certificate holds the others
back, and the list says why. An upload can be repeated: a certificate that is
already there takes what --for and --description say, and is otherwise unchanged.

With --purpose capf the files are a company CA's answer to the request of
"capf cert csr capf": the CAPF certificate and the chain above it. Once there are
trust lists, it is only prepared, as "capf cert regenerate" does it: phones tell
certificates apart, also those of one key. It is shown when --after has passed, or
by a second run with --yes.

An issuer of LSCs whose extendedKeyUsage excludes clientAuth or serverAuth is
refused, because verifiers apply it to all LSCs below; --accept-eku accepts it.`,
		Example: "capf cert upload root-ca.pem --purpose capf-trust --purpose callmanager-trust",
		Output:  cmdline.List, Columns: headings(uploadColumns),
		Flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "purpose", Usage: "`STORE`: " + strings.Join(append(purposeNames(), capfPurpose), ", ") + "; may be repeated"},
			forFlag(),
			&cli.StringFlag{Name: "description", Usage: "a free `TEXT`"},
			&cli.BoolFlag{Name: "foreign-capf", Usage: "it is the CAPF certificate of another cluster"},
			&cli.BoolFlag{Name: "accept-eku", Usage: "accept an issuer of LSCs whose extendedKeyUsage excludes clients or servers"},
			&cli.BoolFlag{Name: "strict", Usage: "store nothing if a file would be skipped"},
			afterFlag("when serve is to show, with --purpose capf,"),
			&cli.BoolFlag{Name: "yes", Usage: "with --purpose capf: if it is prepared already, show it now"},
			&cli.BoolFlag{Name: "dry-run", Usage: "only show what would be done"},
			bypassFlag(),
		},
		Run: func(c *cli.Context) error {
			o, err := certUploadChoice(c, env)
			if err != nil {
				return err
			}
			return certUpload(c.Context, env, o)
		},
	}
}

func certUploadChoice(c *cli.Context, env *Env) (certUploadOptions, error) {
	o := certUploadOptions{files: c.Args().Slice()}
	o.Description, o.Describe = c.String("description"), c.IsSet("description")
	o.ForeignCAPF, o.AcceptEKU, o.dryRun = c.Bool("foreign-capf"), c.Bool("accept-eku"), c.Bool("dry-run")
	o.Strict, o.yes = c.Bool("strict"), c.Bool("yes")
	var err error
	if o.after, err = afterChoice(c, env, shownNow); err != nil {
		return o, err
	}
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
		return o, apperr.Usage("--purpose capf excludes other purposes, --for, --description and --foreign-capf")
	}
	if !o.capf && (o.yes || o.after.Set()) {
		return o, apperr.Usage("--yes and --after go with --purpose capf: what is put into trust stores counts at once")
	}
	if o.For != 0 && len(o.purposes) > 0 && !slices.Contains(o.purposes, store.CAPFTrust) {
		return o, apperr.Usage("--for goes with --purpose capf-trust: the other stores have no uses")
	}
	return o, nil
}

// certUpload reads all files before it stores the first, so that a mistyped name
// changes nothing.
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
		return uploadChain(ctx, env, s, files, o)
	}
	rows, err := approvals(env, s).TrustStores().Upload(ctx, files, o.UploadOptions)
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
		sayImpact(env, row.Impact)
	}
	if err != nil {
		err = fmt.Errorf("cert upload: %w", err)
	} else if err := saySkipped(env, rows); err != nil {
		return err
	}
	for _, known := range []struct{ reason, hint string }{
		{"reserved for CAPF", "--foreign-capf is for the CAPF certificate of another cluster"},
		{"extendedKeyUsage without", "--for https trusts a CA that only signs web servers; --accept-eku accepts it for LSCs anyway"},
	} {
		if slices.ContainsFunc(rows, func(r authority.UploadRow) bool { return strings.Contains(r.Reason, known.reason) }) {
			return apperr.WithHint(err, "%s", known.hint)
		}
	}
	return err
}

// saySkipped counts the files that were not taken; it is an error if none was.
func saySkipped(env *Env, rows []authority.UploadRow) error {
	skipped := 0
	for _, r := range rows {
		if r.Outcome == authority.UploadSkipped {
			skipped++
		}
	}
	switch skipped {
	case 0:
	case len(rows):
		return apperr.New(apperr.ErrPartly, "every file was skipped, so nothing was stored")
	default:
		env.say("skipped %s; --strict makes that an error", counted(skipped, "file"))
	}
	return nil
}

// show lists what was done with the certificates, or would be.
func (o certUploadOptions) show(env *Env, rows []authority.UploadRow) error {
	for i, r := range rows {
		if o.dryRun && slices.Contains([]authority.UploadOutcome{authority.UploadAdded, authority.UploadChanged, authority.UploadPrepared}, r.Outcome) {
			rows[i].Outcome = "would be " + r.Outcome
		}
	}
	return showList(env, values(rows), uploadColumns, "there is no certificate")
}

// uploadChain replaces the CAPF certificate with the one that a CA has signed, or prepares
// that.
func uploadChain(ctx context.Context, env *Env, s *store.Store, files []authority.UploadFile, o certUploadOptions) error {
	became, err := approvals(env, s).CAPF().UploadChain(ctx, files, o.UploadOptions, o.after)
	if err != nil {
		return fmt.Errorf("uploading the CAPF certificate: %w", err)
	}
	shows := became.Prepared && !became.Changed && o.yes && !o.after.Set() && !o.dryRun
	if shows {
		p, leaf, err := authority.PreparedNow(ctx, s.Reader)
		if err == nil && p != nil {
			err = preparedCertificate{env, s, *p, leaf}.showNow(ctx, true, false)
		}
		if err != nil {
			return err
		}
		became.Changed, became.Prepared = true, false
	}
	if err := o.show(env, chainRows(o, files, became)); err != nil || o.dryRun || shows {
		return err
	}
	switch {
	case became.Prepared:
		return sayPrepared(ctx, env, s.Reader)
	case became.Changed:
		env.say(previousKept)
		return tellRestart(ctx, env, s.Reader, restart.Certificate)
	}
	return nil
}

// chainRows are the CAPF certificate and the files that were skipped.
func chainRows(o certUploadOptions, files []authority.UploadFile, became authority.UploadedChain) []authority.UploadRow {
	leaf := became.Authority.Leaf()
	row := authority.UploadRow{File: strings.Join(o.files, ", "), Purpose: capfPurpose, Subject: leaf.Subject.String(),
		Fingerprint: crypto.Fingerprint(leaf), Outcome: authority.UploadKnown}
	switch {
	case became.Changed && became.Prepared:
		row.Outcome = authority.UploadPrepared
	case became.Changed:
		row.Outcome = authority.UploadAdded
	}
	rows := []authority.UploadRow{row}
	for _, f := range files {
		if f.Skipped != "" {
			rows = append(rows, authority.UploadRow{File: f.Name, Outcome: authority.UploadSkipped, Reason: f.Skipped})
		}
	}
	return rows
}

// previousKept says what becomes of the CAPF certificate that was replaced.
const previousKept = "the previous certificate is now in capf-trust"

// uploadColumns are the properties of the outcome of an upload.
var uploadColumns = []column[authority.UploadRow]{
	{"File", "file", always, func(u authority.UploadRow) any { return u.File }},
	{"Purpose", "purpose", usual, func(u authority.UploadRow) any { return string(u.Purpose) }},
	{"Subject", "subject", usual, func(u authority.UploadRow) any { return u.Subject }},
	{"Outcome", "outcome", always, func(u authority.UploadRow) any { return string(u.Outcome) }},
	{"For", "for", seldom, func(u authority.UploadRow) any { return u.For.Names() }},
	{"Reason", "reason", always, func(u authority.UploadRow) any { return term.Message(u.Reason) }},
	{"Warning", "warning", wide, func(u authority.UploadRow) any { return term.Message(u.Warning) }},
	{"SHA-256", "fingerprint_sha256", wide, func(u authority.UploadRow) any { return u.Fingerprint }},
}
