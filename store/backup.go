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

// Copied describes a copy of a database.
type Copied struct {
	Bytes     int64
	SHA256    []byte // of the file
	Devices   int64
	Events    int64  // the id of the last event
	EventHash []byte // its hash: kept elsewhere, it can later prove that the record was not rewritten
}

// Backup writes a copy of the database, as it is at one moment, to the path,
// while phones and operators go on working. The file appears complete and on the
// disk, with mode 0600, or not at all; an existing one is replaced. Progress,
// which may be nil, is called with the pages done and their total. The copy is
// read back completely and checked: ErrDamaged means that the database itself is
// damaged. The copy carries the seal that sign makes, unless sign is nil. No
// event is written. ErrConflict: the file at the path is a database in use.
func (s *Reader) Backup(ctx context.Context, path string, sign Sign, progress func(done, total int)) (Copied, error) {
	c, err := s.copied(ctx, engine.Copy{Path: path, Sign: sign, Progress: progress})
	return c, failed(err, "backing up to %q", path)
}

// CopyOut is Backup to wherever take writes the copy. The copy is complete by
// then, and is in a file beside the database while take reads it.
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
	From string // a copy made by Backup; it is only read
	To   string // the database
	// Inspect checks the copy, which by then is in a file of its own and
	// migrated; its changes there become part of what is restored. Its error
	// ends the restore and is returned unchanged. The seal is that of the
	// original backup.
	Inspect  func(*Store, Seal) error
	DryRun   bool                  // stop after Inspect
	Progress func(done, total int) // pages; may be nil
}

// Restore replaces the database by a copy. Whatever happens, there is either
// the old database or the new one; the old one is kept under the returned
// name, "" when there was none. Errors: ErrInUse; ErrNotFound and ErrForeign
// for the copy; those of Open.
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

// judge opens the copy, has it inspected and turns it into a database.
func (r Restoration) judge(ctx context.Context, name string, seal Seal, o Options) error {
	s, err := Open(ctx, name, o)
	if err != nil {
		return err
	}
	err = r.Inspect(s, seal)
	if err == nil {
		err = failed(s.change(ctx, func(t *tx) error {
			if _, err := t.exec("DELETE FROM backup_seal"); err != nil { // it is no longer a backup
				return err
			}
			_, err := t.exec("DELETE FROM servers") // they are of processes at the time of the backup
			return err
		}), "making a database of the backup")
	}
	return errors.Join(err, s.Close())
}
