package commands

import (
	"capf/enroll/bulk"
	"capf/store"
)

// insertedDocument is the result of bulk insert as JSON.
type insertedDocument struct {
	Rows           int           `json:"rows"`
	Added          int64         `json:"added"`
	Changed        int64         `json:"changed"`
	Same           int64         `json:"same"`
	Refused        int           `json:"refused"`
	Problems       int           `json:"problems"`
	DryRun         bool          `json:"dry_run"`
	Written        bool          `json:"written"` // false also when problems forbade it
	IgnoredColumns []string      `json:"ignored_columns"`
	Warnings       []string      `json:"warnings"`
	Outcomes       []insertedRow `json:"outcomes"`
}

type insertedRow struct {
	Line     int               `json:"line"`
	Device   string            `json:"device"`
	Outcome  string            `json:"outcome"`
	Problems []insertedProblem `json:"problems,omitempty"`
}

type insertedProblem struct {
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Field   string `json:"field"`
	Problem string `json:"problem"`
}

// newInsertedDocument counts what was done, or would have been.
func newInsertedDocument(in bulk.Inserted, dryRun bool) insertedDocument {
	d := insertedDocument{
		Rows: in.Rows, Added: in.Added, Changed: in.Changed, Same: in.Same, Problems: in.Bad,
		DryRun: dryRun, Written: in.Written && !dryRun,
		IgnoredColumns: append([]string{}, in.Ignored...), Warnings: append([]string{}, in.Warnings...), Outcomes: []insertedRow{},
	}
	problems := in.Problems
	for _, o := range in.Outcomes {
		row := insertedRow{Line: o.Line, Device: o.Device, Outcome: string(o.What)}
		for ; len(problems) > 0 && problems[0].Row <= o.Line; problems = problems[1:] {
			p := problems[0]
			row.Problems = append(row.Problems, insertedProblem{p.Line, p.Column, p.Field, p.Text})
		}
		if o.What == store.UpsertRefused {
			d.Refused++
		}
		d.Outcomes = append(d.Outcomes, row)
	}
	return d
}
