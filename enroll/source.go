package enroll

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"capf/internal/apperr"
)

// Source is where certificates come from: a file, a folder or a stream.
type Source struct {
	Name   string
	stream io.Reader // nil for a path
	files  Files
}

// Stream is a source that can be read once, such as standard input.
func Stream(name string, r io.Reader) Source {
	return Source{Name: name, stream: r}
}

// Files is where sources are opened: the file system, or a folder that no link
// leaves.
type Files interface {
	Stat(name string) (fs.FileInfo, error)
	Open(name string) (*os.File, error)
}

// Path is a file, or a folder whose files are read, not those of folders in it.
// The error is apperr.ErrRefused for anything else, or that of the file system. What
// counts is what is opened when the source is read.
func Path(files Files, path string) (Source, error) {
	info, err := files.Stat(path)
	if err != nil {
		return Source{}, unread(path, err)
	}
	return Source{Name: path, files: files}, readable(path, info)
}

func readable(path string, info fs.FileInfo) error {
	if !info.IsDir() && !info.Mode().IsRegular() && info.Mode()&fs.ModeNamedPipe == 0 {
		return apperr.Refused("%q is neither a file nor a folder", path)
	}
	return nil
}

// unread takes off an error what has been said.
func unread(path string, err error) error {
	var system *fs.PathError
	if errors.As(err, &system) {
		err = system.Err
	}
	return fmt.Errorf("reading %q: %w", path, err)
}

// limits are what an import may hold. A certificate is a few KiB, so there is
// room for every honest archive, but not for one that was made to fill a disk
// or a memory.
type limits struct {
	file    int64 // bytes of one file; of a text, bytes of one PEM block
	entries int   // files and PEM blocks of one import
	total   int64 // bytes of all of them, and of what holds them
	ratio   int64 // decompressed bytes for each compressed one,
	floor   int64 // when there are more than these
}

func usualLimits() limits {
	return limits{file: 1 << 20, entries: 250_000, total: 1 << 30, ratio: 200, floor: 16 << 20}
}

// errTooMuch says that an import holds more than it may.
func (l limits) errTooMuch() error {
	return apperr.Refused("there are more than %d MiB in it", l.total>>20)
}

// bounded ends a source that is longer than all that an import may hold.
type bounded struct {
	r io.Reader
	n int64 // bytes that have been read
	limits
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if b.n += int64(n); b.n > b.total {
		return n, b.errTooMuch()
	}
	return n, err
}

// inflated ends a stream that grows beyond reason when it is decompressed.
type inflated struct {
	r          io.Reader
	compressed *bounded
	n          int64
	limits
}

func (r *inflated) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	r.n += int64(n)
	switch {
	case r.n > r.total:
		return n, r.errTooMuch()
	case r.beyondReason(r.n, r.compressed.n):
		return n, errInflated
	}
	return n, err
}

var errInflated = apperr.Refused("it grows beyond reason when it is decompressed")

func (l limits) beyondReason(after, before int64) bool {
	return after > l.floor && after > l.ratio*before
}
