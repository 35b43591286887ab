package commands

import (
	"context"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/host"
	"capf/commands/internal/term"
	"capf/enroll/archive"
	"capf/enroll/devices"
	"capf/enroll/offline"
	"capf/internal/apperr"
	"capf/store"
)

type offlineImportOptions struct {
	files  []string
	device string
	dryRun bool
}

// offlineImportCommand is offline import and, by the vendor's name, cert import.
func offlineImportCommand(env *Env, name, path string) cmdline.Command {
	return cmdline.Command{
		Name: name, Args: "FILE...", Short: "import the certificates that a CA has issued for requests",
		Privilege: cmdline.Offline, Role: cmdline.Operator,
		About: `A FILE is an archive (.tgz, .tar.gz, .tar or .zip), a certificate or a PKCS#7
chain, in PEM or DER, or a folder of such files; - is stdin. Each certificate is
matched to its request by its key, whatever its file is called, and checked: it
must have a phone's key and name, be valid now, not be a CA, have the key usages
that phones need, and be signed by a CA in capf-trust. Each has a line with its
outcome, and all good ones are stored in one transaction. A waiting phone gets its
certificate at once. Repeating an import changes nothing.

CA certificates in a FILE are ignored: capf cert upload puts them into the trust
stores. The exit code is 5 if some certificates were refused and the others
imported, or if every file was skipped. It is 4 if all were refused, and 3 if there
was no file: an empty folder or archive.`,
		Example: "capf " + path + " signed.tgz --dry-run",
		Output:  cmdline.List, Columns: headings(importColumns),
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "dry-run", Usage: "only show what would be done"},
			&cli.StringFlag{Name: "device", Usage: "only certificates for devices that match the `PATTERN`"},
		},
		Run: func(c *cli.Context) error {
			return offlineImport(c.Context, env, offlineImportOptions{c.Args().Slice(), c.String("device"), c.Bool("dry-run")})
		},
	}
}

func offlineImport(ctx context.Context, env *Env, o offlineImportOptions) error {
	ctx, stop := env.untilSignal(ctx)
	defer stop()
	var sources []archive.Source
	for _, name := range o.files {
		if name == "-" {
			sources = append(sources, archive.Stream("stdin", host.NewStoppable(ctx, env.Stdin)))
			continue
		}
		source, err := archive.Path(env.door(), name)
		if err != nil {
			return err
		}
		sources = append(sources, source)
	}
	s, err := env.openFor(ctx, o.dryRun)
	if err != nil {
		return err
	}
	o.device = devices.FullPattern(ctx, s.Reader, o.device)
	view := newImportView(env)
	report, err := offlineCA(env, s).Import(ctx, env.actor(), sources, offline.ImportOptions{
		Device: o.device, Row: view.row, Ready: view.ready,
	})
	if err := view.end(err); err != nil {
		return fmt.Errorf("importing certificates: %w", err)
	}
	return concludeImport(env, report, o.dryRun)
}

// importView shows a plan while it is made; it is complete before it is applied.
type importView struct {
	env      *Env
	rows     term.RowWriter
	columns  []column[offline.Row]
	values   []any
	progress *term.Progress
	count    int
	complete bool // the rows have been printed
}

func newImportView(env *Env) *importView {
	columns := chosen(env, importColumns)
	return &importView{env: env, rows: newRowWriter(env, columns), columns: columns, values: make([]any, len(columns)), progress: env.progress()}
}

func (v *importView) row(r offline.Row) error {
	v.count++
	if !v.env.screen { // otherwise the rows themselves show the progress
		v.progress.Show("checking: %s", counted(v.count, "certificate"))
	}
	for i, c := range v.columns {
		v.values[i] = c.value(r)
	}
	return v.rows.Row(v.values)
}

// ready prints the rest of the plan.
func (v *importView) ready(r offline.ImportReport) error {
	v.progress.End()
	v.complete = true
	if err := v.rows.End(); err != nil {
		return fmt.Errorf("printing the plan: %w", err)
	}
	if err := v.env.out.Flush(); err != nil {
		return fmt.Errorf("printing the plan: %w", err)
	}
	v.progress.Show("keeping %s", counted(r.Count(offline.Imported)+r.Count(offline.Stale), "certificate"))
	return nil
}

// end closes the list of an incomplete plan.
func (v *importView) end(failed error) error {
	v.progress.End()
	if failed != nil && !v.complete {
		_ = v.rows.End() // the first failure says more
	}
	return failed
}

// importColumns are the properties of a line of the plan.
var importColumns = []column[offline.Row]{
	{"File", "file", always, func(r offline.Row) any { return r.Source }},
	{"Device", "device", always, func(r offline.Row) any { return r.Device }},
	{"Serial", "serial", usual, func(r offline.Row) any { return r.Serial }},
	{"Outcome", "outcome", always, func(r offline.Row) any { return string(r.Outcome) }},
	{"Reason", "reason", always, func(r offline.Row) any { return term.Message(r.Reason) }},
}

// concludeImport sums up the rows, and says what is left to do.
func concludeImport(env *Env, r offline.ImportReport, dryRun bool) error {
	env.say("%s", importSummary(r, dryRun))
	if r.Overtaken > 0 {
		env.say("%s became stale meanwhile, because the phones have made newer keys", counted(r.Overtaken, "certificate"))
	}
	for _, ca := range r.MissingCAs {
		where := ""
		if ca.Source != "" {
			where = fmt.Sprintf("; %s in this import holds it, but is not trusted for that", ca.Source)
		}
		env.say("warning: the CA %q is not in capf-trust%s", ca.Subject, where)
	}
	for _, subject := range r.NotForCallManager {
		env.say("warning: the CA %q is not in callmanager-trust: the call server will not accept the certificates of its phones", subject)
	}
	switch {
	case len(r.MissingCAs) > 0:
		env.say("hint: capf cert upload FILE --purpose capf-trust --purpose callmanager-trust, then import again")
	case len(r.NotForCallManager) > 0:
		env.say("hint: capf cert upload FILE --purpose callmanager-trust")
	}
	if r.Rows() == 0 {
		return apperr.WithHint(fmt.Errorf("there is nothing to import, only empty folders or archives: %w", store.ErrNotFound), "what comes from the CA may be in another folder: subfolders are not read")
	}
	refused := r.Count(offline.Refused)
	switch good := r.Count(offline.Imported) + r.Count(offline.Stale) + r.Count(offline.AlreadyThere); {
	case refused > 0 && good > 0:
		return apperr.New(apperr.ErrPartly, "%s refused, as the rows say; the others were dealt with", counted(refused, "row"))
	case refused > 0:
		return apperr.Refused("%s refused, as the rows say", counted(refused, "row"))
	case good == 0 && r.Count(offline.Skipped) > 0 && r.Count(offline.ChainOnly) == 0:
		return apperr.New(apperr.ErrPartly, "every file was skipped, so nothing was imported")
	}
	return nil
}

func importSummary(r offline.ImportReport, dryRun bool) string {
	var words []string
	for _, o := range []offline.Outcome{
		offline.Imported, offline.Stale, offline.AlreadyThere, offline.ChainOnly, offline.Skipped, offline.Refused,
	} {
		if n := r.Count(o); n > 0 || o == offline.Imported {
			words = append(words, fmt.Sprintf("%d %s", n, o))
		}
	}
	text := strings.Join(words, ", ")
	if dryRun {
		text += "; this was a dry run, nothing was changed"
	}
	return text
}
