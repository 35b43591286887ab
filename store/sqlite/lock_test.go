package sqlite

import (
	"errors"
	"path/filepath"
	"testing"

	"capf/store/engine"
)

// TestLockOvertaken: who opens the database after it has left the mode WAL, and
// before all others are kept out, keeps it.
func TestLockOvertaken(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "capf.db")
	must(t, Create(t.Context(), path, nil))
	db, err := connect(path, "_pragma=busy_timeout(0)")
	must(t, err)
	db.SetMaxOpenConns(1)
	defer db.Close()
	must(t, leaveWAL(t.Context(), db))
	other, err := connect(path, forWriting)
	must(t, err)
	defer other.Close()
	must(t, other.PingContext(t.Context())) // back in the mode WAL
	if err := lockAll(t.Context(), db); !errors.Is(err, engine.ErrInUse) {
		t.Errorf("got %v", err)
	}
	must(t, db.Close())
	_, err = other.ExecContext(t.Context(), "UPDATE services SET restarts = restarts + 1")
	must(t, err)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
