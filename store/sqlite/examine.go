package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	_ "modernc.org/sqlite"

	"capf/store/engine"
)

// Rights that access(2) is asked for.
const (
	mayWrite = 2
	mayRead  = 4
)

// examine says whether the file is ours. It goes through SQLite and not
// through package os: closing a descriptor of our own would release the POSIX
// locks that another Store of this process holds on the file.
func examine(ctx context.Context, path string) (err error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return engine.ErrNotFound
	}
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%w: it is not a regular file", engine.ErrForeign)
	}
	// SQLite tells a file that may not be read from no other trouble.
	if err := syscall.Access(path, mayRead); err != nil {
		return err
	}
	db, err := connect(path, forTelling)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var id int32
	if err := db.QueryRowContext(ctx, "PRAGMA application_id").Scan(&id); err != nil {
		return err
	}
	if id != applicationID {
		return engine.ErrForeign
	}
	return nil
}

// writable says whether SQLite could write: it needs the file, and the folder
// for the files beside it.
func writable(path string) error {
	for _, p := range []string{path, filepath.Dir(path)} {
		switch err := syscall.Access(p, mayWrite); {
		case errors.Is(err, syscall.EROFS):
			return engine.ErrReadOnlyDisk
		case errors.Is(err, syscall.EACCES):
			return fmt.Errorf("%w: no permission to write to %q", engine.ErrReadOnly, p)
		case errors.Is(err, syscall.EPERM):
			return fmt.Errorf("%w: %q is marked as one that must not be changed (lsattr)", engine.ErrReadOnly, p)
		case err != nil:
			return fmt.Errorf("looking at %q: %w", p, err)
		}
	}
	return nil
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
