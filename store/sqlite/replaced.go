package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"sync"
	"syscall"
	"time"

	"capf/store/engine"
)

// original identifies the open file, to check that it is still the one at the
// path. SQLite would go on writing to a replaced file, and the writes would be
// lost with it.
type original struct {
	path string
	now  func() time.Time

	mu          sync.Mutex
	file        fs.FileInfo // guarded by mu: the file when its mark was read last
	log         fs.FileInfo // guarded by mu: the log that the writer's connection works with, or nil
	mark        mark        // guarded by mu
	gone        error       // guarded by mu: engine.ErrReplaced, and for good
	overwritten bool        // guarded by mu: the file is another one's now, and SQLite must not touch it
}

// mark tells databases apart that are copied into the same file. The schema
// cookie in the header begins with a number that chance has drawn, for each copy
// its own, and each change of the schema adds one. A copy that was made with cp
// has the same, but an earlier end of the record.
type mark struct {
	cookie  uint32
	version int   // of the schema
	head    int64 // the last event
}

// fewChanges are more than anybody makes to the schema of one version by hand.
const fewChanges = 1000

// withChain is the first version of the schema in which the record has an end.
const withChain = 4

// follows says whether a database with the mark m becomes one with this mark by
// what is done to databases: a newer capf brings the schema up to date, an
// operator with sqlite3 adds an index.
func (n mark) follows(m mark) bool {
	return n.version > m.version || n.version == m.version && n.cookie-m.cookie < fewChanges && n.head >= m.head
}

// readMark reads what stands in the file itself, whatever its log says.
func readMark(ctx context.Context, path string) (m mark, err error) {
	db, err := connect(path, forTelling)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var cookie int64
	err = db.QueryRowContext(ctx, "SELECT schema_version, user_version FROM pragma_schema_version, pragma_user_version").Scan(&cookie, &m.version)
	m.cookie = uint32(cookie)
	if err == nil && m.version >= withChain {
		err = db.QueryRowContext(ctx, "SELECT coalesce(max(head_id), 0) FROM event_chain").Scan(&m.head)
	}
	return m, err
}

// drawMark gives a new file, which no other process knows yet, a mark of its own.
func drawMark(ctx context.Context, path string) error {
	return execIn(ctx, path, fmt.Sprintf("PRAGMA schema_version = %d", rand.Int32()))
}

func newOriginal(ctx context.Context, path string, now func() time.Time) (*original, error) {
	o := &original{path: path, now: now}
	var err error
	if o.file, err = os.Stat(path); err != nil {
		return nil, err
	}
	o.mark, err = readMark(ctx, path)
	return o, err
}

// works notes the log that a new connection of the writer works with. As long
// as that is open, SQLite keeps the log.
func (o *original) works() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.log, _ = os.Stat(o.path + logEnd)
}

// look returns engine.ErrReplaced when the file at the path is another one than that
// which is open, or another database has been copied into it. While the file
// stands untouched, as between two checkpoints, that is two questions to the
// system.
func (o *original) look() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.gone != nil {
		return o.gone
	}
	info, err := os.Stat(o.path)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		o.gone = fmt.Errorf("%w: %q was moved away or removed while it was in use", engine.ErrReplaced, o.path)
	case err != nil:
		return err
	case !os.SameFile(info, o.file):
		o.gone = fmt.Errorf("%w: another file has taken the place of %q while it was in use", engine.ErrReplaced, o.path)
	case o.log != nil && !isFile(o.path+logEnd, o.log):
		o.gone = fmt.Errorf("%w: %q was moved away or removed while it was in use", engine.ErrReplaced, o.path+logEnd)
	case info.Size() != o.file.Size() || !info.ModTime().Equal(o.file.ModTime()):
		o.written(info)
	}
	return o.gone
}

// isFile leaves room for a question that the system cannot answer at the moment.
func isFile(path string, want fs.FileInfo) bool {
	info, err := os.Stat(path)
	return err == nil && os.SameFile(info, want) || err != nil && !errors.Is(err, fs.ErrNotExist)
}

// written finds out whether it was SQLite that wrote to the file.
// The mutex is held.
func (o *original) written(info fs.FileInfo) {
	ctx := context.Background()
	now, err := readMark(ctx, o.path)
	if err == nil && !now.follows(o.mark) {
		now, err = readMark(ctx, o.path) // the first one may have been half written
	}
	switch {
	case err != nil && !errors.Is(Plain(err), engine.ErrForeign):
		// It cannot be told, for want of descriptors perhaps: the next look asks again.
	case err != nil || !now.follows(o.mark):
		o.gone = fmt.Errorf("%w: another database was copied into %q while it was in use", engine.ErrReplaced, o.path)
		o.overwritten = true
		// What the log holds are pages of the old database, which SQLite would
		// write into the new one. Whoever opens that begins with a new log.
		_ = os.Remove(o.path + indexEnd)
		_ = os.Rename(o.path+logEnd, o.path+logEnd+".before-copy-"+o.now().UTC().Format("20060102T150405Z"))
	default:
		o.file, o.mark = info, now
	}
}

// fate says how the open connections have to be given up.
func (o *original) fate() (replaced, overwritten bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.gone != nil, o.overwritten
}
