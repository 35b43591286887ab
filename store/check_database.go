package store

import (
	"context"
	"fmt"
	"iter"
)

// damagesShown is how many faults of the file SQLite tells of; after so many,
// more say nothing new.
const damagesShown = 100

// Damages has SQLite read the whole file and yields what is wrong with it:
// pages, indexes, values that the schema does not allow, and rows that belong
// to rows that are not there. It keeps no writer waiting.
func (s *Reader) Damages(ctx context.Context) iter.Seq2[Contradiction, error] {
	return func(yield func(Contradiction, error) bool) {
		const doing = "checking the file"
		q := query{selection: fmt.Sprintf("PRAGMA integrity_check(%d)", damagesShown)}
		for text, err := range stream(ctx, s, doing, q, func(text *string) []any { return []any{text} }) {
			if err == nil && text == "ok" {
				continue
			}
			if !yield(Contradiction{"database", text}, err) || err != nil {
				return
			}
		}
		type orphan struct {
			table, parent string
			row           optional
			key           int64
		}
		fields := func(o *orphan) []any { return []any{&o.table, &o.row, &o.parent, &o.key} }
		for o, err := range stream(ctx, s, doing, query{selection: "PRAGMA foreign_key_check"}, fields) {
			c := Contradiction{fmt.Sprintf("%s %d", o.table, o.row), "belongs to something in " + o.parent + " that is not there"}
			if !yield(c, err) || err != nil {
				return
			}
		}
	}
}
