package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"capf/internal/durable"
)

// ErrInUse says that another process has the database open, so that the file
// cannot be exchanged.
var ErrInUse = errors.New("another process has the database open")

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
	if err := examine(ctx, r.From); err != nil {
		return "", failed(err, "reading the backup %q", r.From)
	}
	// A link is followed: what it leads to is exchanged.
	if real, err := filepath.EvalSymlinks(r.To); err == nil {
		r.To = real
	}
	if err := os.MkdirAll(filepath.Dir(r.To), 0o700); err != nil {
		return "", failed(err, "restoring %q", r.To)
	}
	var verdict error
	err = tempFile(r.To, func(name string) error {
		seal, err := r.fetch(ctx, name)
		if err != nil {
			verdict = failed(err, "copying the backup %q", r.From)
			return verdict
		}
		if verdict = judge(ctx, name, seal, r.Inspect, o); verdict != nil {
			return verdict
		}
		if r.DryRun {
			return errStop
		}
		return inherit(name, r.To)
	}, func(at *os.Root, temp, name string) (err error) {
		kept, err = exchange(ctx, filepath.Join(at.Name(), temp), filepath.Join(at.Name(), name), o.Now())
		return err
	})
	switch {
	case verdict != nil:
		return "", verdict
	case errors.Is(err, errStop):
		return "", nil
	}
	return kept, failed(err, "restoring %q", r.To)
}

// errStop ends a dry run.
var errStop = errors.New("only a look")

// fetch copies the backup, gives the copy a mark of its own, and returns the seal
// that the copy had: whatever becomes of the backup meanwhile, that is of what was
// copied.
func (r Restoration) fetch(ctx context.Context, name string) (seal Seal, err error) {
	log, err := logBeside(r.From)
	switch {
	case err != nil:
		return seal, err
	case strings.HasSuffix(log, rollbackEnd):
		// To be whole it would have to be written to.
		return seal, fmt.Errorf("%w: %q is of a change that was broken off; sqlite3 undoes it when it opens the file", ErrConflict, log)
	case log != "":
		err = r.fetchWithLog(ctx, name)
	default:
		err = r.fetchFile(ctx, name)
	}
	if err == nil {
		seal, err = readSeal(ctx, name)
	}
	if err == nil {
		err = drawMark(ctx, name)
	}
	return seal, err
}

// fetchFile copies byte by byte, so that a seal over the file is over the copy.
func (r Restoration) fetchFile(ctx context.Context, name string) (err error) {
	from, err := os.Open(r.From)
	if err != nil {
		return err
	}
	defer from.Close()
	info, err := from.Stat()
	if err != nil {
		return err
	}
	to, err := os.OpenFile(name, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	const page, piece = 4 << 10, pagesAtOnce * 4 << 10
	for done := int64(0); ; {
		n, err := io.CopyN(to, from, piece)
		done += n
		if r.Progress != nil {
			r.Progress(int(done/page), int(max(done, info.Size())/page))
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err = errors.Join(err, ctx.Err()); err != nil {
			return err
		}
	}
}

// fetchWithLog copies what is a database that somebody has worked with, together
// with what its log holds.
func (r Restoration) fetchWithLog(ctx context.Context, name string) (err error) {
	db, err := connect(r.From, forLooking)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return copyPages(ctx, conn, name, r.Progress)
}

// judge opens the temporary file, lets it be inspected and sees to it that everything
// stands in its one file.
func judge(ctx context.Context, name string, seal Seal, inspect func(*Store, Seal) error, o Options) error {
	o.ReadOnly = false
	s, err := Open(ctx, name, o)
	if err != nil {
		return err
	}
	err = inspect(s, seal)
	if err == nil {
		err = failed(s.change(ctx, func(t *tx) error {
			if _, err := t.exec("DELETE FROM backup_seal"); err != nil { // it is none any more
				return err
			}
			_, err := t.exec("DELETE FROM servers") // processes of another time
			return err
		}), "making a database of the backup")
	}
	if err = errors.Join(err, s.Close()); err != nil {
		return err
	}
	if log, err := logBeside(name); err != nil || log != "" {
		return errors.Join(err, errors.New("a log was left beside the temporary file"))
	}
	return nil
}

// What SQLite adds to the name of a database for the files beside it.
const (
	rollbackEnd = "-journal"
	logEnd      = "-wal"
	indexEnd    = "-shm"
)

// Files are the database at a path and the files that SQLite makes and reads
// beside it, whether or not they are there.
func Files(path string) []string {
	return []string{path, path + logEnd, path + indexEnd, path + rollbackEnd}
}

// logBeside names what stands beside a database and would be taken for what is
// still to be done to it: a write-ahead log or a rollback journal with
// something in it. It is "" when there is none.
func logBeside(path string) (string, error) {
	for _, end := range []string{logEnd, rollbackEnd} {
		switch info, err := os.Stat(path + end); {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return "", err
		case info.Size() > 0:
			return path + end, nil
		}
	}
	return "", nil
}

// inherit gives the temporary file to the owner of the database, or of its folder: root
// may make and restore what the service user works with.
func inherit(name, database string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := os.Stat(database)
	if errors.Is(err, fs.ErrNotExist) {
		info, err = os.Stat(filepath.Dir(database))
	}
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	// The file lies in the folder of somebody who may have put a link in its place.
	return os.Lchown(name, int(owner.Uid), int(owner.Gid))
}

// exchange moves the temporary file to the place of the database and keeps that one.
func exchange(ctx context.Context, name, database string, now time.Time) (kept string, err error) {
	if _, err := os.Lstat(database); errors.Is(err, fs.ErrNotExist) {
		if err := noLogLeft(database); err != nil {
			return "", err
		}
		err := os.Link(name, database) // unlike Rename it fails when the name is taken
		if err == nil {
			err = os.Remove(name)
		}
		return "", err
	}
	if err := removeSecondNames(database); err != nil {
		return "", err
	}
	kept = keptName(database, now)
	release, err := lockExclusive(ctx, database, kept)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, release()) }()
	log, err := logBeside(database)
	if err != nil {
		return "", err
	}
	if log != "" {
		return "", fmt.Errorf("%q would be taken for the new database's; move it away", log)
	}
	if err := os.Link(database, kept); err != nil {
		return "", err
	}
	// After a loss of power, the old database has its name, and its log, which is
	// empty and gone, does not come back beside the new one.
	if err := durable.SyncFolderAt(filepath.Dir(database)); err != nil {
		return "", err
	}
	return kept, os.Rename(name, database)
}

// keptEnd is what the name of a database gets that was kept, before the time.
const keptEnd = ".before-restore-"

// keptName is a free name for a database that is kept; two restores may fall into
// one second.
func keptName(database string, now time.Time) string {
	name := database + keptEnd + now.UTC().Format("20060102T150405Z")
	for n, free := 2, name; ; n++ {
		if _, err := os.Lstat(free); err != nil {
			return free
		}
		free = fmt.Sprintf("%s-%d", name, n)
	}
}

// removeSecondNames removes the names of old databases that are this one: a
// restore which was killed before it exchanged the file leaves such a link,
// which looks like a database of that time and follows every change.
func removeSecondNames(database string) error {
	present, err := os.Stat(database)
	if err != nil {
		return err
	}
	folder := filepath.Dir(database)
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), filepath.Base(database)+keptEnd) {
			continue
		}
		if info, err := e.Info(); err == nil && os.SameFile(info, present) {
			if err := os.Remove(filepath.Join(folder, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// lockExclusive makes sure that nobody else has the database open and that it is all in
// its one file, and keeps others out until release. Leaving the mode WAL is
// possible only for the one process that has it open, and empties the log.
func lockExclusive(ctx context.Context, path, kept string) (release func() error, err error) {
	if errors.Is(plain(examine(ctx, path)), ErrForeign) {
		return moveAside(path, kept) // before SQLite makes something of its log
	}
	db, err := connect(path, "_pragma=busy_timeout(2000)")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	err = leaveWAL(ctx, db)
	if err == nil {
		err = lockAll(ctx, db)
	}
	if err != nil {
		db.Close()
		switch err = plain(err); {
		case errors.Is(err, ErrBusy):
			return nil, ErrInUse
		case errors.Is(err, ErrDamaged), errors.Is(err, ErrForeign):
			return moveAside(path, kept)
		}
		return nil, err
	}
	return db.Close, nil // which ends the transaction
}

// leaveWAL is possible only for the one process that has the database open.
func leaveWAL(ctx context.Context, db *sql.DB) error {
	var mode string
	if err := db.QueryRowContext(ctx, "PRAGMA journal_mode = DELETE").Scan(&mode); err != nil {
		return err
	}
	if mode != "delete" {
		return ErrInUse
	}
	return nil
}

// lockAll keeps all others out, of a database that has left the mode WAL. Who
// came in between may have brought that back, and in it this lock keeps nobody
// from reading.
func lockAll(ctx context.Context, db *sql.DB) error {
	if _, err := db.ExecContext(ctx, "BEGIN EXCLUSIVE"); err != nil {
		return err
	}
	var mode string
	if err := db.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&mode); err != nil {
		return err
	}
	if mode != "delete" {
		return ErrInUse
	}
	return nil
}

// moveAside is lockExclusive for a database that cannot be read: its log, which must not
// be taken for that of the next one, goes along with it.
func moveAside(path, kept string) (release func() error, err error) {
	used, err := lockedByOthers(path + indexEnd)
	if err != nil || used {
		return nil, errors.Join(err, ErrInUse)
	}
	for _, end := range []string{logEnd, indexEnd, rollbackEnd} {
		if err := os.Rename(path+end, kept+end); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return func() error { return nil }, nil
}

// lockedByOthers looks for the lock that each process with the database open
// holds on the index of its log (byte 128, SQLite's "wal-index format").
func lockedByOthers(shm string) (bool, error) {
	f, err := os.OpenFile(shm, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	lock := syscall.Flock_t{Type: syscall.F_WRLCK, Start: 128, Len: 1}
	if err := syscall.FcntlFlock(f.Fd(), syscall.F_GETLK, &lock); err != nil {
		return false, err
	}
	return lock.Type != syscall.F_UNLCK, nil
}
