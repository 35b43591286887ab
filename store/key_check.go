package store

import (
	"context"
)

// KeyCheck returns the sealed constant that reveals a wrong master key.
// ErrNotFound: it has not been set.
func (s *Reader) KeyCheck(ctx context.Context) ([]byte, error) {
	var sealed []byte
	if err := s.point(ctx, "SELECT sealed FROM key_check", nil, &sealed); err != nil {
		return nil, failed(err, "reading the check of the master key")
	}
	return sealed, nil
}

// SetKeyCheck sets it, once. ErrConflict: it has been set.
func (s *Store) SetKeyCheck(ctx context.Context, sealed []byte) error {
	err := s.change(ctx, func(t *tx) error {
		_, err := t.exec("INSERT INTO key_check (id, sealed) VALUES (1, ?)", sealed)
		return err
	})
	return failed(err, "keeping the check of the master key")
}
