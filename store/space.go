package store

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Space is the room on the disk of the database, in bytes.
type Space struct {
	Free int64            // for a user who is not root
	Used map[string]int64 // by the files of the database: "database" and "log", as far as they are there
}

// Space asks the system, not the database, so that it tells of a disk on which
// nothing can be written as well.
func (s *Reader) Space() (Space, error) {
	v := Space{Used: map[string]int64{}}
	for name, path := range map[string]string{"database": s.path, "log": s.path + logEnd} {
		if info, err := os.Stat(path); err == nil {
			v.Used[name] = info.Size()
		}
	}
	var disk unix.Statfs_t
	err := unix.Statfs(filepath.Dir(s.path), &disk)
	v.Free = int64(disk.Bavail) * int64(disk.Bsize)
	return v, failed(err, "asking for the room on the disk of %q", s.path)
}
