package store

import (
	"context"
	"errors"
)

// Rehearsal is the same database for a dry run: a change through it runs under
// the same guards, comes to the same answer or error, and is undone before it is
// committed. Since nothing stays, a change does not find what an earlier one has
// made; one that goes in portions ends with its first. Whoever opened the Store
// closes it.
func (s *Store) Rehearsal() *Store {
	r := *s
	r.rehearsing = true
	return &r
}

// rehearse is change for a rehearsal. Like changeOnce it has a transaction to
// itself, and gives running jobs back the time that it took: all but that is
// undone.
func (s *Store) rehearse(ctx context.Context, work func(*tx) error) error {
	return s.writer.do(ctx, func(t *tx) error {
		head := t.head
		if err := t.roll("SAVEPOINT rehearsal"); err != nil {
			return err
		}
		if err := work(t); err != nil {
			return err
		}
		t.head = head
		if err := errors.Join(t.roll("ROLLBACK TO rehearsal"), t.roll("RELEASE rehearsal")); err != nil {
			return err
		}
		return holdLeases(t, s.options.Now())
	}, true)
}
