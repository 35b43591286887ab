package sqlite

import (
	"context"
	"database/sql"
	"net/url"
	"path/filepath"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// applicationID is "CAPF", big-endian, in the header of the file.
const applicationID = 0x43415046

// How a connection is opened. What it says is said in the name of the data
// source, because a PRAGMA that is executed reaches one connection of a pool.
const (
	// A transaction is on the disk when its COMMIT returns (synchronous FULL
	// syncs the write-ahead log each time).
	forWriting = "_txlock=immediate&_pragma=busy_timeout(0)&_pragma=journal_mode(WAL)" +
		"&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)&_pragma=temp_store(MEMORY)" +
		"&_pragma=cache_size(-16384)&_pragma=wal_autocheckpoint(4000)&_pragma=journal_size_limit(67108864)"
	forReading = "_pragma=busy_timeout(10000)&_pragma=query_only(1)"
	forLooking = "mode=ro&_pragma=busy_timeout(10000)&_pragma=query_only(1)"
	// The same where the index of the write-ahead log cannot be made: it is kept in
	// memory, which SQLite does for whoever keeps all others out. Without locks that
	// is only said. The file is opened for reading, so that nothing can come into it.
	forLookingAlone = "vfs=unix-none&mode=ro&_pragma=locking_mode(EXCLUSIVE)&_pragma=query_only(1)"
	forCopying      = "_pragma=synchronous(OFF)" // it is synced once, when it is complete
	forCreating     = "_pragma=synchronous(FULL)&_pragma=foreign_keys(1)"
	// Nothing beside the file is read, made or changed.
	forExamining = "immutable=1&_pragma=query_only(1)"
	// The same of a file that others may work with. While one of them brings the
	// write-ahead log into the file, and after it was killed at that, the first
	// page may tell of pages that are still missing behind it. SQLite takes such
	// a file for damaged, unless the schema may be written; with its log it is
	// whole.
	forTelling = "immutable=1&_pragma=writable_schema(1)&_pragma=query_only(1)"
)

// connect opens no connection yet; database/sql does so when one is needed.
func connect(path, how string) (*sql.DB, error) {
	if err := teachMatching(); err != nil {
		return nil, err
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	u := url.URL{Scheme: "file", Path: abs, RawQuery: how}
	return sql.Open("sqlite", u.String())
}

// howToLook is how a file is opened by who only reads. SQLite makes files beside a
// database even for that, which a disk that is full or read-only, or a folder of
// somebody else, does not allow. Whoever works with the database has made them; so
// where they are missing and cannot be made, nobody writes to it now.
func howToLook(ctx context.Context, path string) string {
	if canLook(ctx, path, forLooking) {
		return forLooking
	}
	how := forExamining
	if log, err := logBeside(path); err == nil && log == path+logEnd {
		how = forLookingAlone // it has changes that are not yet in the file
	}
	if canLook(ctx, path, how) {
		return how
	}
	return forLooking // which says what is wrong
}

func canLook(ctx context.Context, path, how string) bool {
	db, err := connect(path, how)
	if err != nil {
		return false
	}
	defer db.Close()
	var n int
	return db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&n) == nil
}
