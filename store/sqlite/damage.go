package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"iter"

	"capf/store/engine"
)

// damagesShown is how many faults of the file SQLite reports; more would say
// nothing new.
const damagesShown = 100

// Damages has SQLite read the whole file and yields what is wrong with it:
// pages, indexes, values that the schema does not allow, and rows that belong
// to rows that are not there. It keeps no writer waiting.
func (d *Database) Damages(ctx context.Context, readers *sql.DB) iter.Seq2[engine.Damage, error] {
	return func(yield func(engine.Damage, error) bool) {
		_ = integrity(ctx, readers, yield) && orphans(ctx, readers, yield)
	}
}

// integrity returns false when nothing more is to be yielded.
func integrity(ctx context.Context, readers *sql.DB, yield func(engine.Damage, error) bool) bool {
	rows, err := readers.QueryContext(ctx, fmt.Sprintf("PRAGMA integrity_check(%d)", damagesShown))
	if err != nil {
		yield(engine.Damage{}, err)
		return false
	}
	defer rows.Close()
	for rows.Next() {
		d := engine.Damage{Object: "database"}
		err := rows.Scan(&d.Text)
		if err == nil && d.Text == "ok" {
			continue
		}
		if !yield(d, err) || err != nil {
			return false
		}
	}
	if err := rows.Err(); err != nil {
		yield(engine.Damage{}, err)
		return false
	}
	return true
}

func orphans(ctx context.Context, readers *sql.DB, yield func(engine.Damage, error) bool) bool {
	rows, err := readers.QueryContext(ctx, "PRAGMA foreign_key_check")
	if err != nil {
		yield(engine.Damage{}, err)
		return false
	}
	defer rows.Close()
	for rows.Next() {
		var table, parent string
		var row sql.NullInt64 // NULL in a table without row ids
		var key int64
		err := rows.Scan(&table, &row, &parent, &key)
		d := engine.Damage{Object: fmt.Sprintf("%s %d", table, row.Int64), Text: "belongs to something in " + parent + " that is not there"}
		if !yield(d, err) || err != nil {
			return false
		}
	}
	if err := rows.Err(); err != nil {
		yield(engine.Damage{}, err)
		return false
	}
	return true
}
