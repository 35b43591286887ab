package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"

	"modernc.org/sqlite"

	"capf/internal/apperr"
	"capf/internal/durable"
)

// Copied is what a copy of a database holds.
type Copied struct {
	Bytes     int64
	SHA256    []byte // of the file
	Devices   int64
	Events    int64  // the id of the last event
	EventHash []byte // its hash: kept elsewhere, it proves later that the record was not made anew
}

// pagesAtOnce is how much is copied between two looks at the context, in pages
// of 4 KiB.
const pagesAtOnce = 1024

// Backup writes a copy of the database, as it is at one moment, to the path,
// while phones and operators go on working. The file appears complete and on
// the disk, with mode 0600, or not at all; one that is there is replaced.
// Progress, which may be nil, is told how many pages of how many are done. The
// copy has been read back whole and found sound: ErrDamaged means that the
// database itself is not. The copy carries what sign makes of it, unless sign is
// nil. No event is written. ErrConflict: what is there is a database in use.
func (s *Reader) Backup(ctx context.Context, path string, sign Sign, progress func(done, total int)) (Copied, error) {
	var c Copied
	// The log of another database would be taken for that of the copy.
	if log, err := logBeside(path); err != nil || log != "" {
		if log != "" {
			err = conflict("%q is a database that is in use, or was when it was left: %q is there", path, log)
		}
		return c, failed(err, "backing up to %q", path)
	}
	err := tempFile(path, func(name string) error {
		return s.fillCopy(ctx, name, sign, progress, &c)
	}, durable.Replace)
	return c, failed(err, "backing up to %q", path)
}

// CopyOut is Backup to wherever take brings the copy, which is whole then and
// stands in a file beside the database as long as take reads it.
func (s *Reader) CopyOut(ctx context.Context, sign Sign, progress func(done, total int), take func(io.Reader) error) (Copied, error) {
	var c Copied
	err := tempFile(filepath.Join(filepath.Dir(s.path), "capf-copy"), func(name string) error {
		return s.fillCopy(ctx, name, sign, progress, &c)
	}, func(at *os.Root, temp, _ string) error {
		f, err := at.Open(temp)
		if err != nil {
			return err
		}
		defer f.Close()
		return errors.Join(take(f), at.Remove(temp))
	})
	return c, failed(err, "copying the database")
}

// fillCopy copies, signs and reads back.
func (s *Reader) fillCopy(ctx context.Context, name string, sign Sign, progress func(done, total int), c *Copied) (err error) {
	if err := s.copyTo(ctx, name, progress); err != nil {
		return err
	}
	if sign != nil {
		if err := sealFile(ctx, name, sign); err != nil {
			return err
		}
	}
	*c, err = inspectCopy(ctx, name)
	return err
}

// copyTo copies inside one transaction: the write-ahead log keeps its moment,
// and a copy that has begun does not begin anew when somebody writes.
func (s *Reader) copyTo(ctx context.Context, path string, progress func(done, total int)) error {
	conn, err := s.lists.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := copyPages(ctx, conn, path, progress); err != nil {
		return err
	}
	return drawMark(ctx, path)
}

func copyPages(ctx context.Context, from *sql.Conn, path string, progress func(done, total int)) error {
	t, err := from.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer t.Rollback() // nothing has been written
	var schema int     // the first statement takes the snapshot
	if err := t.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_master").Scan(&schema); err != nil {
		return err
	}
	return from.Raw(func(driver any) error {
		source, ok := driver.(interface {
			NewBackup(string) (*sqlite.Backup, error)
		})
		if !ok {
			return errors.New("the driver makes no backups")
		}
		b, err := source.NewBackup(tempURI(path))
		if err != nil {
			return err
		}
		for more := true; more; {
			if more, err = b.Step(pagesAtOnce); err != nil {
				break
			}
			if progress != nil {
				progress(b.PageCount()-b.Remaining(), b.PageCount())
			}
			if err = ctx.Err(); err != nil {
				break
			}
		}
		return errors.Join(err, b.Finish())
	})
}

// tempURI names a file that nobody else knows yet: it needs no journal, and it
// is synced once, when it is complete.
func tempURI(path string) string {
	u := url.URL{Scheme: "file", Path: path, RawQuery: "_pragma=journal_mode(OFF)&_pragma=synchronous(OFF)"}
	return u.String()
}

// inspectCopy reads a copy back, which nobody else has open.
func inspectCopy(ctx context.Context, path string) (c Copied, err error) {
	db, err := connect(path, forExamining)
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var sound string
	if err := db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&sound); err != nil {
		return c, err
	}
	if sound != "ok" {
		return c, fmt.Errorf("%w: %s", ErrDamaged, sound)
	}
	err = db.QueryRowContext(ctx, "SELECT (SELECT count(*) FROM devices), head_id, head_hash FROM event_chain").
		Scan(&c.Devices, &c.Events, &c.EventHash)
	if err != nil {
		return c, err
	}
	c.Bytes, c.SHA256, err = digestFile(path)
	return c, err
}

func digestFile(path string) (int64, []byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, nil, err
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, f)
	return n, h.Sum(nil), err
}

// tempFile lets fill write a new file of mode 0600 beside the path, brings it to
// the disk and has it put into its place.
func tempFile(path string, fill func(name string) error, place durable.Place) error {
	folder, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return apperr.WithoutPath(err)
	}
	defer root.Close()
	f := durable.File{Folder: root, Name: filepath.Base(path), Place: place, Beside: []string{logEnd, indexEnd, rollbackEnd}}
	f.RemoveAbandoned()
	return f.Write(func(temp *os.File) error { return fill(temp.Name()) })
}
