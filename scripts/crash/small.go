package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

const diskFilled = "disk filled"

// fill fills the disk from time to time, except for a few pages, until ctx ends.
func (s *storm) fill(ctx context.Context, r *rand.Rand) error {
	path := filepath.Join(s.dir, "filler")
	for pause(ctx, between(r, 300*time.Millisecond, 1500*time.Millisecond)) {
		if err := fillUp(path, int64(r.IntN(40))<<10); err != nil {
			return err
		}
		s.count(diskFilled)
		s.told(ctx)
		pause(ctx, between(r, 100*time.Millisecond, 1500*time.Millisecond))
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	return nil
}

// told requires that status reports the full disk.
func (s *storm) told(ctx context.Context) {
	out, err := s.command(context.WithoutCancel(ctx), "status").CombinedOutput()
	if err == nil && bytes.Contains(out, []byte("the disk of the database is full")) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.complaints = append(s.complaints, fmt.Sprintf("status does not report a full disk: %v\n%s", err, out))
}

// fillUp leaves that many bytes free, as long as nothing else writes.
func fillUp(path string, free int64) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	page := make([]byte, 64<<10)
	for {
		if _, err := f.Write(page); errors.Is(err, syscall.ENOSPC) {
			break
		} else if err != nil {
			return err
		}
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return f.Truncate(max(0, info.Size()-free))
}
