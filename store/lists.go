package store

import (
	"context"
	"time"
)

// listsChanged sets the time that trust lists bear. Each change of what a list shows
// calls it in its transaction: of the signing keys, of the CAPF certificate, of that of
// TVS, of the members. A list that changes is always newer than the one before, also
// after the clock was set back; lists count seconds.
func listsChanged(t *tx) error {
	_, err := t.exec(`INSERT INTO lists_changed (id, changed_at) VALUES (1, ?)
		ON CONFLICT (id) DO UPDATE SET changed_at = max(excluded.changed_at, changed_at + 1000)`, millis(t.now.Truncate(time.Second)))
	return err
}

// ListsChanged returns when something that trust lists show has last changed, to the
// second; zero if nothing ever has.
func (s *Reader) ListsChanged(ctx context.Context) (at time.Time, err error) {
	err = s.point(ctx, "SELECT changed_at FROM lists_changed", nil, (*instant)(&at))
	if err == ErrNotFound {
		return time.Time{}, nil
	}
	return at, failed(err, "reading when trust lists changed")
}

// listParameter says whether trust lists show the value of a parameter.
func listParameter(name string) bool {
	return name == "trust_list_digest" || name == "trust_list_signer_version"
}
