package bulk

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"capf/enroll/devices"
	"capf/enroll/settings"
	"capf/internal/apperr"
	"capf/internal/plural"
	"capf/store"
)

// maxProblems is how many problems are kept, with all that is told of a file.
const maxProblems = 100_000

// InsertOptions are the choices of Insert.
type InsertOptions struct {
	Reading
	Update  bool // change devices that exist
	Partial bool // insert the good rows even if others are bad
	// Progress is called with the number of rows inserted so far; may be nil.
	Progress func(done, all int)
}

// Inserted says what Insert did, or found.
type Inserted struct {
	store.UpsertTally
	Rows     int       // that were read
	Bad      int       // problems
	Written  bool      // false when nothing was, because of the problems
	Outcomes []Outcome // of the rows, in their order
	Problems []Problem // the first 100,000
	Ignored  []string  // headings of columns that were left out
	Warnings []string
}

// Outcome is what became of a row or, when nothing was written, what would have.
type Outcome struct {
	Line   int
	Device string
	What   store.UpsertOutcome
}

// errBadRows ends an insertion in its transaction.
var errBadRows = errors.New("bad rows")

// Insert adds the devices of a file with a header. Every row is
// checked before the first is written: first by itself, then against the
// database in the transaction that would write it. An empty cell means the
// default or, with Update, what the device has. A device that already is as
// its row says is left alone. ErrRefused: the header is wrong, or there are
// problems, which the result lists; nothing was written. ErrPartly: there are
// problems, and with Partial the other rows were inserted.
func Insert(ctx context.Context, r *devices.Rules, actor store.Actor, data []byte, o InsertOptions) (Inserted, error) {
	settings, err := r.Settings(ctx)
	if err != nil {
		return Inserted{}, err
	}
	f, err := OpenFile(data, o.Reading)
	if err != nil {
		return Inserted{}, err
	}
	in := newInserting(r, settings, f)
	in.options, in.Ignored = o, f.Ignored
	if err := in.look(ctx); err != nil {
		return in.Inserted, err
	}
	err = in.write(ctx, actor)
	if err != nil && !errors.Is(err, errBadRows) {
		return in.Inserted, err
	}
	in.Written = err == nil
	in.warnOfNames()
	in.sort()
	return in.Inserted, in.verdict()
}

// inserting is an insertion under way.
type inserting struct {
	Inserted
	rules    *devices.Rules
	settings settings.Settings
	options  InsertOptions
	file     *File
	row      Row          // the one being inserted
	edit     devices.Edit // what it changes
	// old reports whether a device exists whose name no new device could have.
	old      map[string]bool
	warned   map[string]bool
	doubtful []string // why no phone may come for new devices, with their lines
}

func newInserting(r *devices.Rules, s settings.Settings, f *File) *inserting {
	return &inserting{rules: r, settings: s, file: f, old: map[string]bool{}, warned: map[string]bool{}}
}

func (in *inserting) problem(p Problem) {
	in.Bad++
	if len(in.Problems) < maxProblems {
		in.Problems = append(in.Problems, p)
	}
}

// sort brings everything into the order of the file. Rows that could not be read have not come
// to the database, which refuses the others.
func (in *inserting) sort() {
	slices.SortStableFunc(in.Problems, func(a, b Problem) int { return a.Row - b.Row })
	known := map[int]bool{}
	for _, o := range in.Outcomes {
		known[o.Line] = true
	}
	for _, p := range in.Problems {
		if !known[p.Row] {
			known[p.Row] = true
			in.Outcomes = append(in.Outcomes, Outcome{p.Row, p.Device, store.UpsertRefused})
		}
	}
	slices.SortStableFunc(in.Outcomes, func(a, b Outcome) int { return a.Line - b.Line })
}

// look reads all rows once, before the database is locked.
func (in *inserting) look(ctx context.Context) error {
	var failed error
	s, err := in.file.Scan(in.rules.Now(), func(name string) bool {
		_, err := in.rules.Store.Device(ctx, name)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			failed = err
		}
		in.old[name] = err == nil
		return err == nil
	}, in.problem)
	if err != nil {
		return err
	}
	for {
		r, ok := s.Next()
		if !ok {
			break
		}
		for _, w := range r.Edit.Warnings() {
			if !in.warned[w] {
				in.warned[w], in.Warnings = true, append(in.Warnings, w)
			}
		}
	}
	in.Rows = s.Rows
	return failed
}

// write inserts the rows. Rows that are bad in themselves have been
// reported already.
func (in *inserting) write(ctx context.Context, actor store.Actor) error {
	s, err := in.file.Scan(in.rules.Now(), func(name string) bool { return in.old[name] }, func(Problem) {})
	if err != nil {
		return err
	}
	in.UpsertTally, err = in.rules.Store.UpsertDevices(ctx, actor, store.Upsert{
		Action: "bulk-insert", Detail: "from a file",
		Next: func() (string, bool) {
			var ok bool
			if in.row, ok = s.Next(); ok && in.options.Progress != nil {
				in.options.Progress(s.Rows, in.Rows)
			}
			return in.row.Name, ok
		},
		Want: in.want, Details: in.details,
		Done: func(what store.UpsertOutcome) {
			in.Outcomes = append(in.Outcomes, Outcome{in.row.Line, in.row.Name, what})
		},
		Ready: func(store.UpsertTally) error {
			if in.Bad > 0 && !in.options.Partial {
				return errBadRows
			}
			return nil
		},
	})
	return err
}

// want returns the device for the current row.
func (in *inserting) want(have *store.Selected) (store.Device, error) {
	d, err := in.wanted(have)
	text, err := devices.Reason(err)
	if text == "" {
		return d, err
	}
	in.problem(Problem{Line: in.row.Line, Column: 1, Device: in.row.Name, Text: text, Row: in.row.Line})
	return d, store.Refusal{Reason: text}
}

func (in *inserting) wanted(have *store.Selected) (store.Device, error) {
	if have == nil {
		return in.added()
	}
	d := have.Device
	edit, err := in.rules.Difference(d, in.row.Edit)
	if err != nil || edit == (devices.Edit{}) {
		return d, err
	}
	in.edit = edit
	if !in.options.Update {
		if edit.CompletesBy == nil && edit.Overdue(d) {
			return d, nil // it already is as the row says
		}
		return d, apperr.Refused("the device exists with other settings; --update changes it")
	}
	return d, in.rules.Edit(&d, edit, in.settings, have.Installed.Serial != "")
}

// details says in the record what the current row changes.
func (in *inserting) details() string { return in.edit.Describe() }

// added returns a new device.
func (in *inserting) added() (store.Device, error) {
	in.edit = in.row.Edit
	d, err := devices.New(in.row.Name)
	if err == nil {
		err = in.rules.Edit(&d, in.row.Edit, in.settings, false)
	}
	if err == nil {
		in.doubt(d.Name)
	}
	return d, err
}

// doubt notes that a new device has a name that no phone may have.
func (in *inserting) doubt(name string) {
	if doubt := devices.Doubt(name); doubt != "" {
		in.doubtful = append(in.doubtful, fmt.Sprintf("line %d: %s", in.row.Line, doubt))
	}
}

// warnOfNames warns once of all names that no phone may have.
func (in *inserting) warnOfNames() {
	if len(in.doubtful) == 0 {
		return
	}
	w := in.doubtful[0]
	if more := len(in.doubtful) - 1; more > 0 {
		w += fmt.Sprintf("; and %s like it", plural.Of(more, "more name"))
	}
	in.Warnings = append(in.Warnings, w)
}

// verdict returns the error for the problems found.
func (in *inserting) verdict() error {
	switch {
	case in.Bad == 0:
		return nil
	case in.options.Partial:
		return apperr.New(apperr.ErrPartly, "%s found; only the other rows are put in", plural.Of(in.Bad, "problem"))
	}
	return apperr.WithHint(apperr.Refused("%s found, so nothing was put in", plural.Of(in.Bad, "problem")), "--partial puts in the good rows")
}
