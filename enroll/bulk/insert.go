package bulk

import (
	"context"
	"errors"
	"slices"

	"capf/enroll/devices"
	"capf/enroll/settings"
	"capf/internal/apperr"
	"capf/internal/plural"
	"capf/store"
)

// maxProblems is how many problems are kept; there may be 60,000 of the same.
const maxProblems = 1000

// InsertOptions are the choices of Insert.
type InsertOptions struct {
	Update  bool // change devices that exist
	Partial bool // insert the good rows even if others are bad
	// Progress is called with the number of rows inserted so far; may be nil.
	Progress func(done, all int)
}

// Inserted says what Insert did, or found.
type Inserted struct {
	store.UpsertTally
	Rows     int       // that were read
	Bad      int       // of them
	Problems []Problem // the first 1000
	Warnings []string
}

// errBadRows ends an insertion in its transaction.
var errBadRows = errors.New("bad rows")

// Insert adds the devices of a CSV file, as UTF-8 with a header. Every row is
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
	t, err := openTable(data)
	if err != nil {
		return Inserted{}, err
	}
	in := &inserting{rules: r, settings: settings, options: o, table: t, old: map[string]bool{}}
	if err := in.look(ctx); err != nil {
		return in.Inserted, err
	}
	if err := in.write(ctx, actor); err != nil && !errors.Is(err, errBadRows) {
		return in.Inserted, err
	}
	slices.SortStableFunc(in.Problems, func(a, b Problem) int { return a.Line - b.Line })
	return in.Inserted, in.verdict()
}

// inserting is an insertion under way.
type inserting struct {
	Inserted
	rules    *devices.Rules
	settings settings.Settings
	options  InsertOptions
	table    *table
	row      row // the one being inserted
	// old reports whether a device exists whose name no new device could have.
	old map[string]bool
}

func (in *inserting) problem(p Problem) {
	in.Bad++
	if len(in.Problems) < maxProblems {
		in.Problems = append(in.Problems, p)
	}
}

// look reads all rows once, before the database is locked.
func (in *inserting) look(ctx context.Context) error {
	var failed error
	s, err := in.table.scan(in.rules.Now(), func(name string) bool {
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
	warned := map[string]bool{}
	for {
		r, ok := s.next()
		if !ok {
			break
		}
		for _, w := range r.edit.Warnings() {
			if !warned[w] {
				warned[w], in.Warnings = true, append(in.Warnings, w)
			}
		}
	}
	in.Rows = s.rows
	return failed
}

// write inserts the rows. Rows that are bad in themselves have been
// reported already.
func (in *inserting) write(ctx context.Context, actor store.Actor) error {
	s, err := in.table.scan(in.rules.Now(), func(name string) bool { return in.old[name] }, func(Problem) {})
	if err != nil {
		return err
	}
	in.UpsertTally, err = in.rules.Store.UpsertDevices(ctx, actor, store.Upsert{
		Action: "bulk-insert", Detail: "from a CSV file",
		Next: func() (string, bool) {
			var ok bool
			if in.row, ok = s.next(); ok && in.options.Progress != nil {
				in.options.Progress(s.rows, in.Rows)
			}
			return in.row.name, ok
		},
		Want: in.want,
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
	in.problem(Problem{Line: in.row.line, Column: 1, Device: in.row.name, Text: text})
	return d, store.Refusal{Reason: text}
}

func (in *inserting) wanted(have *store.Selected) (store.Device, error) {
	if have == nil {
		d, err := devices.New(in.row.name)
		if err == nil {
			err = in.rules.Edit(&d, in.row.edit, in.settings, false)
		}
		return d, err
	}
	d := have.Device
	edit, err := in.rules.Difference(d, in.row.edit)
	if err != nil || edit == (devices.Edit{}) {
		return d, err
	}
	if !in.options.Update {
		if edit.CompletesBy == nil && edit.Overdue(d) {
			return d, nil // it already is as the row says
		}
		return d, apperr.Refused("the device exists with other settings; --update changes it")
	}
	return d, in.rules.Edit(&d, edit, in.settings, have.Installed.Serial != "")
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
