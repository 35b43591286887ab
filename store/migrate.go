package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
)

// migrations are numbered from 0001 and only ever added to: a released one has
// been run on databases that we do not see.
//
//go:embed migrations/*.sql
var migrations embed.FS

// executor is a transaction, of database/sql or of our writer, or a database.
type executor interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// afterwards is what a migration does beyond SQL, right after its script.
var afterwards = map[string]func(context.Context, executor) error{
	"0004_audit.sql":     chainOldEvents,
	"0009_trust_for.sql": decideOldTrust,
}

// latest is the number of the newest migration, which is the schema version.
func latest() (int, error) {
	files, err := migrations.ReadDir("migrations")
	return len(files), err
}

// runMigrations runs those that are newer than the version.
func runMigrations(ctx context.Context, t executor, version int) error {
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
			return fmt.Errorf("migration %q: %w", f.Name(), plain(err))
		}
		if step := afterwards[f.Name()]; step != nil {
			if err := step(ctx, t); err != nil {
				return fmt.Errorf("migration %q: %w", f.Name(), plain(err))
			}
		}
	}
	_, err = t.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", len(files)))
	return err
}

// migrate brings the schema up to date. Of several processes that find an old
// one, the first to get the write lock does the work.
func (s *Store) migrate(ctx context.Context) error {
	want, err := latest()
	if err != nil {
		return err
	}
	const query = "PRAGMA user_version"
	var have int
	if err := s.point(ctx, query, nil, &have); err != nil {
		return err
	}
	switch {
	case have == want:
		return nil
	case have > want:
		return fmt.Errorf("%w (its schema is version %d, ours %d)", ErrNewer, have, want)
	case s.options.ReadOnly:
		return fmt.Errorf("%w and has an older schema, which must be brought up to date first", ErrReadOnly)
	}
	return s.change(ctx, func(t *tx) error {
		if err := t.row(query).Scan(&have); err != nil {
			return err
		}
		if have >= want {
			return nil
		}
		return runMigrations(ctx, t.conn, have)
	})
}
