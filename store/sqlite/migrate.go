package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"strings"

	"capf/store/engine"
)

// migrations are numbered from 0001 and only ever added to: a released one has
// been run on databases that we do not see.
//
//go:embed migrations/*.sql
var migrations embed.FS

// Latest is the number of the newest migration, which is the schema version.
func (d *Database) Latest() (int, error) {
	files, err := migrations.ReadDir("migrations")
	return len(files), err
}

// Version is the schema version of the file.
func (d *Database) Version(ctx context.Context, from engine.Executor) (version int, err error) {
	rows, err := from.QueryContext(ctx, "PRAGMA user_version")
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(&version); err != nil {
			return 0, err
		}
	}
	return version, rows.Err()
}

// Migrate runs the migrations that are newer than the version.
func (d *Database) Migrate(ctx context.Context, t engine.Executor, version int, steps engine.Steps) error {
	return migrate(ctx, t, version, steps)
}

func migrate(ctx context.Context, t engine.Executor, version int, steps engine.Steps) error {
	files, err := migrations.ReadDir("migrations") // sorted by name
	if err != nil {
		return err
	}
	for n, f := range files {
		if n < version {
			continue
		}
		script, err := migrations.ReadFile("migrations/" + f.Name())
		if err != nil {
			return err
		}
		if _, err := t.ExecContext(ctx, string(script)); err != nil {
			return failed(err, "migration %q", f.Name())
		}
		if step := steps[f.Name()]; step != nil {
			if err := step(ctx, t); err != nil {
				return failed(err, "migration %q", f.Name())
			}
		}
	}
	_, err = t.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", len(files)))
	return err
}

// NewSchema is that of a database in memory which the migrations have just made.
func (d *Database) NewSchema(ctx context.Context, steps engine.Steps) (_ map[string]string, err error) {
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
	if err := migrate(ctx, t, 0, steps); err != nil {
		return nil, err
	}
	return d.Schema(ctx, t)
}

// Schema leaves out what SQLite makes by itself.
func (d *Database) Schema(ctx context.Context, from engine.Executor) (map[string]string, error) {
	rows, err := from.QueryContext(ctx, "SELECT type || ' ' || name, coalesce(sql, '') FROM sqlite_schema WHERE name NOT LIKE 'sqlite~_%' ESCAPE '~'")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	found := map[string]string{}
	for rows.Next() {
		var name, text string
		if err := rows.Scan(&name, &text); err != nil {
			return nil, err
		}
		found[name] = strings.Join(strings.Fields(text), " ")
	}
	return found, rows.Err()
}
