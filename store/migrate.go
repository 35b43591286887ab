package store

import (
	"context"
	"fmt"

	"capf/store/engine"
)

// migrationSteps are what migrations of SQLite do beyond SQL.
var migrationSteps = engine.Steps{
	"0004_audit.sql":     chainOldEvents,
	"0009_trust_for.sql": decideOldTrust,
}

// migrate brings the schema up to date. Of several processes that find an old
// one, the first to get the write lock does the work.
func (s *Store) migrate(ctx context.Context) error {
	want, err := s.engine.Latest()
	if err != nil {
		return err
	}
	have, err := s.engine.Version(ctx, s.points.db)
	if err != nil {
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
		have, err := s.engine.Version(ctx, t.conn)
		if err != nil || have >= want {
			return err
		}
		return s.engine.Migrate(ctx, t.conn, have, migrationSteps)
	})
}

// SchemaVersion is the version of the schema that this capf works with, and that
// of the database: a newer capf may have brought it up to date meanwhile.
func (s *Reader) SchemaVersion(ctx context.Context) (ours, now int, err error) {
	if ours, err = s.engine.Latest(); err == nil {
		now, err = s.engine.Version(ctx, s.points.db)
	}
	return ours, now, failed(err, "reading the version of the schema")
}
