package sqlite

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
	"capf/store/engine"
)

// pagesAtOnce is how many pages of 4 KiB are copied between two checks of the
// context.
const pagesAtOnce = 1024

// Copy writes a copy of the database, as it is at one moment, while phones and
// operators go on working. It has been read back whole and found sound:
// engine.ErrDamaged means that the database itself is not. ErrConflict: what is at
// the path is a database in use.
func (d *Database) Copy(ctx context.Context, c engine.Copy) (engine.Copied, error) {
	place := durable.Replace
	if c.Take != nil {
		c.Path = filepath.Join(filepath.Dir(d.path), "capf-copy")
		place = handOver(c.Take)
	}
	// The log of another database would be taken for that of the copy.
	if log, err := logBeside(c.Path); err != nil {
		return engine.Copied{}, err
	} else if log != "" {
		return engine.Copied{}, &engine.Conflict{Reason: fmt.Sprintf("%q is a database that is in use, or was when it was left: %q is there", c.Path, log)}
	}
	var made engine.Copied
	err := tempFile(c.Path, func(name string) (err error) {
		made, err = d.fillCopy(ctx, name, c)
		return err
	}, place)
	return made, err
}

// handOver lets take read the temporary file, and removes it.
func handOver(take func(io.Reader) error) durable.Place {
	return func(at *os.Root, temp, _ string) error {
		f, err := at.Open(temp)
		if err != nil {
			return err
		}
		defer f.Close()
		return errors.Join(take(f), at.Remove(temp))
	}
}

// fillCopy copies, signs and reads back.
func (d *Database) fillCopy(ctx context.Context, name string, c engine.Copy) (engine.Copied, error) {
	if err := d.copyTo(ctx, name, c.Progress); err != nil {
		return engine.Copied{}, err
	}
	if c.Sign != nil {
		if err := sealFile(ctx, name, c.Sign); err != nil {
			return engine.Copied{}, err
		}
	}
	return inspectCopy(ctx, name, c.Look)
}

// copyTo copies inside one transaction: the write-ahead log preserves its
// snapshot, so the copy does not restart when somebody writes.
func (d *Database) copyTo(ctx context.Context, path string, progress func(done, total int)) (err error) {
	db, err := d.Readers(1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	conn, err := db.Conn(ctx)
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

// tempURI names a file that no other process knows yet: it needs no journal, and it
// is synced once, when it is complete.
func tempURI(path string) string {
	u := url.URL{Scheme: "file", Path: path, RawQuery: "_pragma=journal_mode(OFF)&_pragma=synchronous(OFF)"}
	return u.String()
}

// inspectCopy reads back a copy, which no other process has open.
func inspectCopy(ctx context.Context, path string, look func(context.Context, *sql.DB) error) (c engine.Copied, err error) {
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
		return c, fmt.Errorf("%w: %s", engine.ErrDamaged, sound)
	}
	if err := look(ctx, db); err != nil {
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
	f := durable.File{Folder: root, Name: filepath.Base(path), Place: place, Beside: besides()}
	f.RemoveAbandoned()
	return f.Write(func(temp *os.File) error { return fill(temp.Name()) })
}
