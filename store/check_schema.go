package store

import (
	"context"
	"database/sql"
	"errors"
	"iter"
	"maps"
	"slices"
	"strings"
)

// schema is what a database is built of: the text that makes each table, index
// and trigger, by its kind and name.
type schema map[string]string

// plannedSchema is that of a database which the migrations have just made.
func plannedSchema(ctx context.Context) (_ schema, err error) {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1) // each connection has a memory of its own
	t, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer t.Rollback() // nothing is to be kept
	if err := runMigrations(ctx, t, 0); err != nil {
		return nil, err
	}
	return readSchema(ctx, t)
}

// readSchema leaves out what SQLite makes by itself.
func readSchema(ctx context.Context, from executor) (schema, error) {
	rows, err := from.QueryContext(ctx, "SELECT type || ' ' || name, coalesce(sql, '') FROM sqlite_schema WHERE name NOT LIKE 'sqlite~_%' ESCAPE '~'")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	found := schema{}
	for rows.Next() {
		var name, text string
		if err := rows.Scan(&name, &text); err != nil {
			return nil, err
		}
		found[name] = strings.Join(strings.Fields(text), " ")
	}
	return found, rows.Err()
}

// SchemaFault is a part of the database that is not as capf makes it.
type SchemaFault struct {
	Contradiction
	TableMissing bool // many questions cannot be answered then
}

// SchemaFaults yields what the database is not built of as this capf builds one:
// without a trigger the record of events could be changed, without an index
// two LSCs be installed.
func (s *Reader) SchemaFaults(ctx context.Context) iter.Seq2[SchemaFault, error] {
	return func(yield func(SchemaFault, error) bool) {
		want, err := plannedSchema(ctx)
		var have schema
		if err == nil {
			have, err = readSchema(ctx, s.lists.db)
		}
		if err != nil {
			yield(SchemaFault{}, failed(err, "comparing the schema"))
			return
		}
		for _, f := range want.differences(have) {
			if !yield(f, nil) {
				return
			}
		}
	}
}

func (want schema) differences(have schema) (all []SchemaFault) {
	add := func(name, text string, missing bool) {
		all = append(all, SchemaFault{Contradiction{name, text}, missing && strings.HasPrefix(name, "table ")})
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		text, there := have[name]
		switch {
		case !there:
			add(name, "it is not there", true)
		case text != want[name]:
			add(name, "it is not as capf makes it", false)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(have)) {
		if _, ours := want[name]; !ours {
			add(name, "capf has not made it", false)
		}
	}
	return all
}
