package store

import "context"

// Secret returns the sealed value of a secret parameter. ErrNotFound: it is not
// set.
func (s *Reader) Secret(ctx context.Context, name string) ([]byte, error) {
	var sealed []byte
	if err := s.point(ctx, "SELECT sealed FROM secrets WHERE name = ?", []any{name}, &sealed); err != nil {
		return nil, failed(err, "reading parameter %q", name)
	}
	return sealed, nil
}

// SetSecret sets a parameter that is secret, or removes it when sealed is nil;
// without an event when there was none to remove.
func (s *Store) SetSecret(ctx context.Context, a Actor, name string, sealed []byte) error {
	err := s.change(ctx, func(t *tx) error { return setSecret(t, a, name, sealed) })
	return failed(err, "setting parameter %q", name)
}

func setSecret(t *tx, a Actor, name string, sealed []byte) error {
	e := EventText{Action: "set", Detail: name}
	var n int64
	var err error
	if sealed == nil {
		e.Detail = name + " removed"
		n, err = t.exec("DELETE FROM secrets WHERE name = ?", name)
	} else {
		n, err = t.exec(`INSERT INTO secrets (name, set_at, sealed) VALUES (?, ?, ?)
			ON CONFLICT (name) DO UPDATE SET set_at = excluded.set_at, sealed = excluded.sealed`, name, millis(t.now), sealed)
	}
	if err != nil || n == 0 {
		return err
	}
	return t.event(a, "", e)
}
