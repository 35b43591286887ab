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
	err := s.change(ctx, func(t *tx) error {
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
	})
	return failed(err, "setting parameter %q", name)
}
