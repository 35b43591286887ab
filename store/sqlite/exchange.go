package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"capf/internal/durable"
)

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
