package archive

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"capf/internal/apperr"
)

// walkZip copies a zip to a temporary file, since its directory is at the end.
func (c *Reader) walkZip(r io.Reader, yield func(Entry) error) error {
	temp, err := os.CreateTemp("", "capf-import-*")
	if err != nil {
		return fmt.Errorf("making room for the archive: %w", err)
	}
	defer os.Remove(temp.Name())
	defer temp.Close()
	files := &headCounter{}
	size, err := io.Copy(io.MultiWriter(temp, files), r)
	if err != nil {
		return err
	}
	// The reader of package zip would load a directory of any length.
	if files.n > c.limits.Entries {
		return apperr.Refused("there are more than %d files in it", c.limits.Entries)
	}
	z, err := zip.NewReader(temp, size)
	if err != nil {
		return damaged(err)
	}
	before, seen := c.bytes, newNames()
	for _, f := range z.File {
		if err := c.walkZipFile(f, seen, yield); err != nil {
			return err
		}
		if c.limits.beyondReason(c.bytes-before, size) {
			return errInflated
		}
	}
	return nil
}

func (c *Reader) walkZipFile(f *zip.File, seen *names, yield func(Entry) error) error {
	if f.Mode().IsDir() {
		return c.one()
	}
	e := seen.check(f.Name)
	switch {
	case e.Skipped != "":
	case !f.Mode().IsRegular():
		e.Problem = notFile
	case f.Flags&1 != 0: // APPNOTE.TXT, section 4.4.4
		e.Problem = "it is encrypted"
	}
	if e.Skipped != "" || e.Problem != "" {
		return c.give(e, yield)
	}
	r, err := f.Open()
	if errors.Is(err, zip.ErrAlgorithm) {
		e.Problem = "it is compressed in a way that is not known"
		return c.give(e, yield)
	}
	if err != nil {
		return damaged(err)
	}
	defer r.Close()
	return damaged(c.content(e.Name, r, yield))
}

// headCounter counts the directory entries of a zip that is written to it;
// each begins with the same four bytes.
type headCounter struct {
	n    int
	last []byte // of the write before, up to three bytes
}

func (h *headCounter) Write(p []byte) (int, error) {
	head := []byte("PK\x01\x02")
	edge := append(h.last, p[:min(len(p), 3)]...)
	h.n += bytes.Count(edge, head) + bytes.Count(p, head)
	if len(p) >= 3 {
		h.last = append(h.last[:0], p[len(p)-3:]...)
	} else {
		h.last = append(h.last[:0], edge[max(0, len(edge)-3):]...)
	}
	return len(p), nil
}
