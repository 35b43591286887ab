// Package archive reads the files of an archive, a folder or a stream one after
// the other, and says of each whether it may hold certificates. An archive comes
// from outside, so reading is bounded, nothing is unpacked to disk under its own
// name, and everything that is not read gets a reason. It does not know what is
// in a certificate.
package archive

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"capf/crypto/certfile"
	"capf/internal/apperr"
)

// Entry is a part of a source that may hold certificates: a binary file, or
// one PEM block of a text. Its name is for display only. It has either data, a
// problem or a reason why it was skipped.
type Entry struct {
	Name    string
	Block   int    // which PEM block of the file, from 1; 0 for a file that is none
	Data    []byte // valid until the next entry
	Problem string // why it is no certificate
	Skipped string // why it was not read
	Request bool   // it was skipped because it is a request, which a CA was to sign
}

// Reader walks sources and applies one set of limits to all of them.
type Reader struct {
	limits  Limits
	entries int
	bytes   int64
	buffer  *bufio.Reader // reused from file to file
}

// NewReader returns a Reader for sources that together stay within the limits.
func NewReader(l Limits) *Reader {
	return &Reader{limits: l, buffer: bufio.NewReaderSize(nil, 16<<10)}
}

// peekLength is how many bytes identify a container: the signature of a tar
// is at offset 257.
const peekLength = 512

// stopped is an error of the caller's yield function, not of a container.
type stopped struct{ error }

func (s *stopped) Unwrap() error { return s.error }

// Walk yields the entries of a source, whatever its container. An error means
// that the source cannot be trusted as a whole, unless it is yield's own.
func (c *Reader) Walk(s Source, yield func(Entry) error) error {
	err := c.walkSource(s, func(e Entry) error {
		if err := yield(e); err != nil {
			return &stopped{err}
		}
		return nil
	})
	var ours *stopped
	if errors.As(err, &ours) {
		return ours.error
	}
	return err
}

func (c *Reader) walkSource(s Source, yield func(Entry) error) error {
	if s.stream != nil {
		return c.walkNamed(s.Name, s.stream, yield)
	}
	f, err := s.files.Open(s.Name)
	if err != nil {
		return unread(s.Name, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return unread(s.Name, err)
	}
	if err := readable(s.Name, info); err != nil {
		return err
	}
	if info.IsDir() {
		return c.walkDir(s, f, yield)
	}
	return c.walkNamed(s.Name, f, yield)
}

func (c *Reader) walkNamed(name string, r io.Reader, yield func(Entry) error) error {
	if err := c.walkStream(name, &bounded{r: r, Limits: c.limits}, yield); err != nil {
		return fmt.Errorf("reading %q: %w", name, err)
	}
	return nil
}

// inner yields the contents of a file in an archive.
func (c *Reader) inner(e Entry, r io.Reader, yield func(Entry) error) error {
	if e.Skipped != "" || e.Problem != "" {
		return c.give(e, yield)
	}
	return c.content(e.Name, r, yield)
}

// damaged puts the errors of the container readers into plain words, and
// leaves our own refusals alone.
func damaged(err error) error {
	var ours *stopped
	switch {
	case err == nil || errors.Is(err, apperr.ErrRefused) || errors.As(err, &ours):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return apperr.Refused("the archive is cut off")
	}
	return apperr.Refused("the archive is damaged (%v)", err)
}

// content yields the contents of a file: a binary file as a whole, a text by
// PEM blocks.
func (c *Reader) content(name string, r io.Reader, yield func(Entry) error) error {
	c.buffer.Reset(r)
	if head, _ := c.buffer.Peek(2); isGzip(head) || string(head) == "PK" {
		return c.give(Entry{Name: name, Problem: isArchive}, yield)
	}
	return certfile.Split(counted{c}, c.limits.File, func(p certfile.Piece) error {
		e := Entry{Name: name, Block: p.Block, Data: p.Data}
		if p.Err != nil {
			e.Problem = p.Err.Error()
		}
		return c.give(e, yield)
	})
}

// counted counts the bytes of a file while they are read.
type counted struct{ *Reader }

func (c counted) Read(p []byte) (int, error) {
	n, err := c.buffer.Read(p)
	if over := c.read(n); over != nil {
		return n, over
	}
	return n, err
}

func (c *Reader) give(e Entry, yield func(Entry) error) error {
	if err := c.one(); err != nil {
		return err
	}
	return yield(e)
}
