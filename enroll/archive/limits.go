package archive

import (
	"io"

	"capf/internal/apperr"
)

// Limits bound all sources that one Reader walks, taken together. A
// certificate has a few KiB, so the limits have room for any honest archive,
// but not for one made to fill a disk or memory.
type Limits struct {
	File    int64 // bytes of one file; of a text, bytes of one PEM block
	Entries int   // files and PEM blocks of one walk
	Total   int64 // bytes of all of them, and of what holds them
	Ratio   int64 // decompressed bytes for each compressed one,
	Floor   int64 // when there are more than these
}

// errTooMuch says that the sources hold more than they may.
func (l Limits) errTooMuch() error {
	return apperr.Refused("there are more than %d MiB in it", l.Total>>20)
}

// bounded fails on a source that exceeds the limit for all sources.
type bounded struct {
	r io.Reader
	n int64 // bytes that have been read
	Limits
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if b.n += int64(n); b.n > b.Total {
		return n, b.errTooMuch()
	}
	return n, err
}

// inflated fails on a stream that grows beyond reason when it is
// decompressed.
type inflated struct {
	r          io.Reader
	compressed *bounded
	n          int64
	Limits
}

func (r *inflated) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	r.n += int64(n)
	switch {
	case r.n > r.Total:
		return n, r.errTooMuch()
	case r.beyondReason(r.n, r.compressed.n):
		return n, errInflated
	}
	return n, err
}

var errInflated = apperr.Refused("it decompresses to an unreasonable size")

func (l Limits) beyondReason(after, before int64) bool {
	return after > l.Floor && after > l.Ratio*before
}

// one counts an entry.
func (c *Reader) one() error {
	if c.entries++; c.entries > c.limits.Entries {
		return apperr.Refused("there are more than %d files in it", c.limits.Entries)
	}
	return nil
}

// read counts bytes of content.
func (c *Reader) read(n int) error {
	if c.bytes += int64(n); c.bytes > c.limits.Total {
		return c.limits.errTooMuch()
	}
	return nil
}
