package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"capf/store/engine"
)

// Restoration is what Restore is to do.
type Restoration struct {
	From string // a copy that Copy has made; it is only read
	To   string // the database
	// Judge is told the name of the temporary file, with which it may work, and
	// what the copy was sealed with. Its error ends the restoring and is returned
	// as it is.
	Judge    func(name string, seal engine.Seal) error
	DryRun   bool                  // stop after Judge
	Progress func(done, total int) // pages; may be nil
	Now      func() time.Time
}

// Restore puts a copy in the place of the database. Whatever happens, there is
// either the old database or the new one; the old one is kept under the name
// that is returned, "" when there was none. Errors: engine.ErrInUse; ErrNotFound
// and engine.ErrForeign for the copy.
func Restore(ctx context.Context, r Restoration) (kept string, err error) {
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
		if verdict = r.prepare(ctx, name); verdict != nil {
			return verdict
		}
		if r.DryRun {
			return errStop
		}
		return inherit(name, r.To)
	}, func(at *os.Root, temp, name string) (err error) {
		kept, err = exchange(ctx, filepath.Join(at.Name(), temp), filepath.Join(at.Name(), name), r.Now())
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

// prepare makes the temporary file, has it judged, and sees to it that everything
// stands in the one file.
func (r Restoration) prepare(ctx context.Context, name string) error {
	seal, err := r.fetch(ctx, name)
	if err != nil {
		return failed(err, "copying the backup %q", r.From)
	}
	if err := r.Judge(name, seal); err != nil {
		return err
	}
	if log, err := logBeside(name); err != nil || log != "" {
		return errors.Join(err, errors.New("a log was left beside the temporary file"))
	}
	return nil
}

// errStop ends a dry run.
var errStop = errors.New("only a look")

// fetch copies the backup, gives the copy a mark of its own, and returns the seal
// that the copy had: whatever becomes of the backup meanwhile, that is of what was
// copied.
func (r Restoration) fetch(ctx context.Context, name string) (seal engine.Seal, err error) {
	log, err := logBeside(r.From)
	switch {
	case err != nil:
		return seal, err
	case strings.HasSuffix(log, rollbackEnd):
		// To be whole it would have to be written to.
		return seal, fmt.Errorf("%w: %q belongs to an interrupted change; sqlite3 undoes it when it opens the file", engine.ErrConflict, log)
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
