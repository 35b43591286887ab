package store

import "context"

// Parameters returns those that are set.
func (s *Reader) Parameters(ctx context.Context) (map[string]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	all, err := s.parameters()
	return all, failed(err, "reading parameters")
}

func (s *Reader) parameters() (map[string]string, error) {
	st, err := s.points.prepare("SELECT name, value FROM parameters")
	if err != nil {
		return nil, err
	}
	rows, err := st.Query()
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := map[string]string{}
	for rows.Next() {
		var name, value string
		if err := rows.Scan(&name, &value); err != nil {
			return nil, err
		}
		all[name] = value
	}
	return all, rows.Err()
}

// SetParameter sets a parameter, or removes it when the value is empty, and with
// it the secrets that belong to its old value. The event has only the name: a
// value may be a secret. There is no event when nothing changes.
func (s *Store) SetParameter(ctx context.Context, a Actor, name, value string, secrets ...string) error {
	err := s.change(ctx, func(t *tx) error { return setParameter(t, a, name, value, secrets) })
	return failed(err, "setting parameter %q", name)
}

// ParameterEdit sets or removes a parameter, as one of several.
type ParameterEdit struct {
	Name   string
	Value  string   // of one that is no secret; empty to remove it
	Drops  []string // secrets that belong to its old value
	Secret bool
	Sealed []byte // of a secret; nil to remove it
	// Certificate is that which is part of the secret, nil if none is.
	Certificate []byte
}

// ApplyParameters sets several parameters, all or none. Seen are the parameters as the
// caller has seen them when it decided. ErrConflict: they have changed since, and the
// caller has to look again.
func (s *Store) ApplyParameters(ctx context.Context, a Actor, seen map[string]string, edits []ParameterEdit) error {
	err := s.change(ctx, func(t *tx) error {
		now, err := rowsOf(t, query{selection: "SELECT name, value FROM parameters"}, func(p *[2]string) []any { return []any{&p[0], &p[1]} })
		if err != nil {
			return err
		}
		same := len(now) == len(seen)
		for _, p := range now {
			value, is := seen[p[0]]
			same = same && is && value == p[1]
		}
		if !same {
			return conflict("the parameters have changed meanwhile")
		}
		for _, e := range edits {
			if e.Secret {
				err = setSecret(t, a, e.Name, e.Sealed, e.Certificate)
			} else {
				err = setParameter(t, a, e.Name, e.Value, e.Drops)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	return failed(err, "setting parameters")
}

func setParameter(t *tx, a Actor, name, value string, secrets []string) error {
	var n int64
	var err error
	e := EventText{Action: "set", Detail: name}
	if value == "" {
		e.Detail = name + " back to its default"
		n, err = t.exec("DELETE FROM parameters WHERE name = ?", name)
	} else {
		n, err = t.exec(`INSERT INTO parameters (name, value) VALUES (?, ?)
			ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE value <> excluded.value`, name, value)
	}
	if err != nil || n == 0 {
		return err
	}
	if listParameter(name) {
		if err := listsChanged(t); err != nil {
			return err
		}
	}
	for _, secret := range secrets {
		gone, err := t.exec("DELETE FROM secrets WHERE name = ?", secret)
		if err != nil {
			return err
		}
		if gone > 0 {
			e.Detail += "; " + secret + " removed with the old value"
		}
	}
	return t.event(a, "", e)
}
