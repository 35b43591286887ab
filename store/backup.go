package store

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"time"

	"capf/store/engine"
	"capf/store/sqlite"
)

// Copied is what a copy of a database holds.
type Copied struct {
	Bytes     int64
	SHA256    []byte // of the file
	Devices   int64
	Events    int64  // the id of the last event
	EventHash []byte // its hash: kept elsewhere, it proves later that the record was not made anew
}

// Backup writes a copy of the database, as it is at one moment, to the path,
// while phones and operators go on working. The file appears complete and on
// the disk, with mode 0600, or not at all; one that is there is replaced.
// Progress, which may be nil, is told how many pages of how many are done. The
// copy has been read back whole and found sound: ErrDamaged means that the
// database itself is not. The copy carries what sign makes of it, unless sign is
// nil. No event is written. ErrConflict: what is there is a database in use.
func (s *Reader) Backup(ctx context.Context, path string, sign Sign, progress func(done, total int)) (Copied, error) {
	c, err := s.copied(ctx, engine.Copy{Path: path, Sign: sign, Progress: progress})
	return c, failed(err, "backing up to %q", path)
}

// CopyOut is Backup to wherever take brings the copy, which is whole then and
// stands in a file beside the database as long as take reads it.
func (s *Reader) CopyOut(ctx context.Context, sign Sign, progress func(done, total int), take func(io.Reader) error) (Copied, error) {
	c, err := s.copied(ctx, engine.Copy{Take: take, Sign: sign, Progress: progress})
	return c, failed(err, "copying the database")
}

func (s *Reader) copied(ctx context.Context, to engine.Copy) (c Copied, err error) {
	to.Look = func(ctx context.Context, copied *sql.DB) error {
		return copied.QueryRowContext(ctx, "SELECT (SELECT count(*) FROM devices), head_id, head_hash FROM event_chain").
			Scan(&c.Devices, &c.Events, &c.EventHash)
	}
	made, err := s.engine.Copy(ctx, to)
	c.Bytes, c.SHA256 = made.Bytes, made.SHA256
	return c, err
}

// Restoration is what Restore is to do.
type Restoration struct {
	From string // a copy that Backup has made; it is only read
	To   string // the database
	// Inspect judges the copy, which is at its own place then and already
	// brought up to date; what it changes there is part of what is restored. Its
	// error ends the restoring and is returned as it is. The seal is that of the
	// backup as it was.
	Inspect  func(*Store, Seal) error
	DryRun   bool                  // stop after Inspect
	Progress func(done, total int) // pages; may be nil
}

// Restore puts a copy in the place of the database. Whatever happens, there is
// either the old database or the new one; the old one is kept under the name
// that is returned, "" when there was none. Errors: ErrInUse; ErrNotFound and
// ErrForeign for the copy; those of Open.
func Restore(ctx context.Context, r Restoration, o Options) (kept string, err error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	o.ReadOnly = false
	return sqlite.Restore(ctx, sqlite.Restoration{
		From: r.From, To: r.To, DryRun: r.DryRun, Progress: r.Progress, Now: o.Now,
		Judge: func(name string, seal Seal) error { return r.judge(ctx, name, seal, o) },
	})
}

// judge opens the copy, lets it be inspected and makes a database of it.
func (r Restoration) judge(ctx context.Context, name string, seal Seal, o Options) error {
	s, err := Open(ctx, name, o)
	if err != nil {
		return err
	}
	err = r.Inspect(s, seal)
	if err == nil {
		err = failed(s.change(ctx, func(t *tx) error {
			if _, err := t.exec("DELETE FROM backup_seal"); err != nil { // it is no backup any more
				return err
			}
			_, err := t.exec("DELETE FROM servers") // processes of another time
			return err
		}), "making a database of the backup")
	}
	return errors.Join(err, s.Close())
}
