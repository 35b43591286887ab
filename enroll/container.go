package enroll

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"capf/internal/apperr"
)

// peekLength is how many bytes tell a container: a tar says so at 257.
const peekLength = 512

// stopped is the error of who takes the entries, not of a container.
type stopped struct{ error }

func (s *stopped) Unwrap() error { return s.error }

// walk yields the entries of a source, whatever its container. An error means
// that the source cannot be trusted as a whole, unless it is yield's own.
func (c *counter) walk(s Source, yield func(entry) error) error {
	err := c.walkSource(s, func(e entry) error {
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

func (c *counter) walkSource(s Source, yield func(entry) error) error {
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

func (c *counter) walkNamed(name string, r io.Reader, yield func(entry) error) error {
	if err := c.walkStream(name, &bounded{r: r, limits: c.limits}, yield); err != nil {
		return fmt.Errorf("reading %q: %w", name, err)
	}
	return nil
}

func (c *counter) walkDir(s Source, dir *os.File, yield func(entry) error) error {
	files, err := dir.ReadDir(-1)
	if err != nil {
		return fmt.Errorf("reading folder %q: %w", s.Name, errors.Unwrap(err))
	}
	slices.SortFunc(files, func(a, b os.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	for _, f := range files {
		e := byName(filepath.Join(s.Name, f.Name()))
		switch {
		case f.IsDir():
			e.foreign = "it is a folder in the folder"
		case e.foreign != "" || e.problem != "":
		case !f.Type().IsRegular():
			e.problem = notFile
		}
		if err := c.walkFile(s.files, e, yield); err != nil {
			return fmt.Errorf("reading %q: %w", e.name, err)
		}
	}
	return nil
}

const notFile = "it is a link or a device, not a file"

func (c *counter) walkFile(files Files, e entry, yield func(entry) error) error {
	if e.foreign != "" || e.problem != "" {
		return c.give(e, yield)
	}
	f, err := files.Open(e.name)
	if err != nil {
		e.problem = "it cannot be read: " + strings.TrimPrefix(unread("", err).Error(), `reading "": `)
		return c.give(e, yield)
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() { // it was when the folder was read
		e.problem = notFile
		return c.give(e, yield)
	}
	return c.content(e.name, f, yield)
}

// walkStream tells the container by its first bytes, never by its name.
func (c *counter) walkStream(name string, r *bounded, yield func(entry) error) error {
	b := bufio.NewReaderSize(r, 64<<10)
	head, _ := b.Peek(peekLength) // a short file is told by what there is
	switch {
	case isGzip(head):
		// The gzip reader reads single bytes of b and no more than it needs.
		return c.walkGzip(name, b, r, yield)
	case isZip(head):
		return c.walkZip(b, yield)
	case isTar(head):
		return c.walkTar(b, yield)
	}
	return c.content(name, b, yield)
}

// isArchiveData says whether data are an archive or compressed.
func isArchiveData(data []byte) bool {
	return isGzip(data) || isZip(data) || isTar(data[:min(len(data), peekLength)])
}

func isZip(head []byte) bool {
	return bytes.HasPrefix(head, []byte("PK\x03\x04")) || bytes.HasPrefix(head, []byte("PK\x05\x06"))
}

func isGzip(head []byte) bool { return bytes.HasPrefix(head, []byte{0x1f, 0x8b}) }

// isTar knows the tar of a POSIX or GNU program, and the block of zeros that is
// an empty one.
func isTar(head []byte) bool {
	return len(head) == peekLength && (string(head[257:262]) == "ustar" || len(bytes.Trim(head, "\x00")) == 0)
}

// walkGzip reads a compressed tar, or a single compressed file.
func (c *counter) walkGzip(name string, b *bufio.Reader, compressed *bounded, yield func(entry) error) error {
	z, err := gzip.NewReader(b)
	if err != nil {
		return damaged(err)
	}
	defer z.Close()
	plain := bufio.NewReaderSize(&inflated{r: z, compressed: compressed, limits: c.limits}, 64<<10)
	head, err := plain.Peek(peekLength)
	switch {
	case isTar(head):
		return c.walkTar(plain, yield)
	case err != nil && !errors.Is(err, io.EOF):
		return damaged(err)
	}
	return damaged(c.content(name, plain, yield))
}

func (c *counter) walkTar(r io.Reader, yield func(entry) error) error {
	end := &endMark{r: r}
	t := tar.NewReader(end)
	seen := newNames()
	for {
		head, err := t.Next()
		if errors.Is(err, io.EOF) {
			// The rest is read for the sake of the checksum around it.
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
		e := seen.sort(head.Name)
		if head.Typeflag != tar.TypeReg && e.foreign == "" {
			e.problem = notFile
		}
		if err := c.inner(e, t, yield); err != nil {
			return damaged(err)
		}
	}
}

// inner takes a file of an archive.
func (c *counter) inner(e entry, r io.Reader, yield func(entry) error) error {
	if e.foreign != "" || e.problem != "" {
		return c.give(e, yield)
	}
	return c.content(e.name, r, yield)
}

// walkZip spools a zip, whose directory stands at its end.
func (c *counter) walkZip(r io.Reader, yield func(entry) error) error {
	spool, err := os.CreateTemp("", "capf-import-*")
	if err != nil {
		return fmt.Errorf("making room for the archive: %w", err)
	}
	defer os.Remove(spool.Name())
	defer spool.Close()
	files := &headCounter{}
	size, err := io.Copy(io.MultiWriter(spool, files), r)
	if err != nil {
		return err
	}
	// The reader of package zip would take in a directory of any length.
	if files.n > c.limits.entries {
		return apperr.Refused("there are more than %d files in it", c.limits.entries)
	}
	z, err := zip.NewReader(spool, size)
	if err != nil {
		return damaged(err)
	}
	before, seen := c.bytes, newNames()
	for _, f := range z.File {
		if err := c.walkZipFile(f, seen, yield); err != nil {
			return err
		}
		if c.beyondReason(c.bytes-before, size) {
			return errInflated
		}
	}
	return nil
}

func (c *counter) walkZipFile(f *zip.File, seen *names, yield func(entry) error) error {
	if f.Mode().IsDir() {
		return c.one()
	}
	e := seen.sort(f.Name)
	switch {
	case e.foreign != "":
	case !f.Mode().IsRegular():
		e.problem = notFile
	case f.Flags&1 != 0: // APPNOTE.TXT, section 4.4.4
		e.problem = "it is encrypted"
	}
	if e.foreign != "" || e.problem != "" {
		return c.give(e, yield)
	}
	r, err := f.Open()
	if errors.Is(err, zip.ErrAlgorithm) {
		e.problem = "it is compressed in a way that is not known"
		return c.give(e, yield)
	}
	if err != nil {
		return damaged(err)
	}
	defer r.Close()
	return damaged(c.content(e.name, r, yield))
}

// damaged words what the readers of containers say, unless it is a refusal of
// our own.
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

// names are the file names of an archive, as hashes: there may be many.
type names struct {
	seed maphash.Seed
	seen map[uint64]struct{}
}

func newNames() *names { return &names{maphash.MakeSeed(), map[uint64]struct{}{}} }

// sort is byName for a file of an archive, whose name may be a trap for those who
// unpack it.
func (n *names) sort(name string) entry {
	slashed := strings.ReplaceAll(name, `\`, "/")
	e := byName(name)
	if e.foreign != "" {
		return e
	}
	if strings.HasPrefix(slashed, "/") || !filepath.IsLocal(filepath.FromSlash(slashed)) {
		e.problem = "its path leads out of the archive"
		return e
	}
	hash := maphash.String(n.seed, path.Clean(slashed))
	if _, ok := n.seen[hash]; ok {
		e.problem = "a file of this name is in the archive already"
	}
	n.seen[hash] = struct{}{}
	return e
}

// endMark looks for the block of zeros with which a tar ends: package tar takes
// one that was cut off between two files for whole.
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

// headCounter counts the entries of the directory of a zip that is written to
// it; each begins with the same four bytes.
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
