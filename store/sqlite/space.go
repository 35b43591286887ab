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
	return v, err
}
