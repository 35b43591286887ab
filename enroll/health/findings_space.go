package health

import (
	"context"
	"fmt"

	"capf/store"
)

// How little free disk space is too little. The write-ahead log may grow to
// leastRoom before it is merged into the database, and a backup or a restore
// needs as much as the database.
const (
	leastRoom  = 64 << 20
	littleRoom = 512 << 20
)

// spaceFindings warns of a disk that is full or filling up. When it is full,
// phones are turned away, and no event can be recorded that would say so.
func (x examination) spaceFindings(context.Context) ([]Finding, error) {
	v, err := x.Space()
	if err != nil {
		return nil, err
	}
	return roomLeft(v), nil
}

func roomLeft(v store.Space) []Finding {
	left := fmt.Sprintf("%d MiB are left", v.Free>>20)
	if v.Free < 1<<20 {
		left = fmt.Sprintf("%d KiB are left", v.Free>>10)
	}
	const makeRoom = "make room on it; docs/operating.md says what can go"
	if v.ReadOnly {
		return []Finding{severe(DiskReadOnly, "the filesystem of the database is read-only: phones are turned away, since nothing can be recorded",
			"dmesg says why: Linux makes it so after a fault of the disk; mount -o remount,rw makes it writable")}
	}
	switch used := v.Used["database"] + v.Used["log"]; {
	case v.Free < leastRoom:
		return []Finding{severe(DiskFull, "the disk of the database is full or will be: "+left+", and phones are turned away when nothing can be recorded", makeRoom)}
	case v.Free < littleRoom:
		return []Finding{warning(DiskFilling, "the disk of the database is filling up: "+left, makeRoom)}
	case v.Free < used:
		return []Finding{warning(DiskSmall, fmt.Sprintf("the disk of the database has no room for a second one: %s, and it takes %d MiB", left, used>>20), makeRoom)}
	}
	return nil
}
