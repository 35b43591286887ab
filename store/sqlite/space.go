package sqlite

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"capf/store/engine"
)

// Space asks the system, not the database, so that it tells of a disk on which
// nothing can be written as well.
func (d *Database) Space() (engine.Space, error) {
	v := engine.Space{Used: map[string]int64{}}
	for name, path := range map[string]string{"database": d.path, "log": d.path + logEnd} {
		if info, err := os.Stat(path); err == nil {
			v.Used[name] = info.Size()
		}
	}
	var disk unix.Statfs_t
	err := unix.Statfs(filepath.Dir(d.path), &disk)
	v.Free = int64(disk.Bavail) * int64(disk.Bsize)
	if disk.Files > 0 && disk.Ffree == 0 { // there is room, but not for another file
		v.Free = 0
	}
	v.ReadOnly = disk.Flags&unix.ST_RDONLY != 0
	return v, err
}

// Trouble tells a full disk, and one that Linux has made read-only after a fault,
// from other troubles: SQLite has one word for all of them.
func (d *Database) Trouble() error {
	v, err := d.Space()
	switch {
	case err != nil:
		return nil
	case v.ReadOnly:
		return engine.ErrReadOnlyDisk
	case v.Free == 0:
		return engine.ErrFull
	}
	return nil
}
