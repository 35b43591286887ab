package archive

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"

	"capf/internal/apperr"
)

// walkTar reads the files of a tar.
func (c *Reader) walkTar(r io.Reader, yield func(Entry) error) error {
	end := &endMark{r: r}
	t := tar.NewReader(end)
	seen := newNames()
	for {
		head, err := t.Next()
		if errors.Is(err, io.EOF) {
			// The rest is read to verify the checksum around it.
			if _, err := io.Copy(io.Discard, end); err != nil {
				return damaged(err)
			}
			return end.check()
		}
		if err != nil {
			return damaged(err)
		}
		switch head.Typeflag {
		case tar.TypeDir, tar.TypeXGlobalHeader:
			if err := c.one(); err != nil {
				return err
			}
			continue
		}
		e := seen.check(head.Name)
		if head.Typeflag != tar.TypeReg && e.Skipped == "" {
			e.Problem = notFile
		}
		if err := c.inner(e, t, yield); err != nil {
			return damaged(err)
		}
	}
}

// endMark looks for the block of zeros at the end of a tar: package tar accepts
// one that was cut off between two files.
type endMark struct {
	r     io.Reader
	zeros int // the last bytes that were read
}

func (m *endMark) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	kept := len(bytes.TrimRight(p[:n], "\x00"))
	if kept > 0 {
		m.zeros = 0
	}
	m.zeros += n - kept
	return n, err
}

func (m *endMark) check() error {
	if m.zeros < 512 {
		return apperr.Refused("the archive is cut off")
	}
	return nil
}
