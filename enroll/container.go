package enroll

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// What an import may hold. A certificate is a few KiB; the caps leave room for
// every honest archive and stop one that was made to fill a disk or a memory.
const (
	maxEntry   = 1 << 20  // bytes of one file
	maxEntries = 250_000  // files of one import
	maxTotal   = 1 << 30  // bytes of all files together, after decompression
	maxRatio   = 200      // decompressed bytes for each compressed one
	ratioFloor = 16 << 20 // below this the ratio does not matter
	peekLength = 512      // bytes that tell a container: a tar says so at 257
	certNames  = " .cer .crt .der .pem .p7b .p7c .p7s "
	maxSpool   = 512 << 20 // bytes of a zip that comes as a stream
)

// Source is where certificates come from: a file, a folder or a stream.
type Source struct {
	Name string
	open func() (io.ReadCloser, error)
	dir  string
}

// Bytes is a source in memory.
func Bytes(name string, data []byte) Source {
	return Source{Name: name, open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }}
}

// Stream is a source that can be read once, such as standard input.
func Stream(name string, r io.Reader) Source {
	return Source{Name: name, open: func() (io.ReadCloser, error) { return io.NopCloser(r), nil }}
}

// Path is a file, or a folder whose files are read, not those of folders in it.
func Path(path string) (Source, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Source{}, fmt.Errorf("reading %q: %w", path, errors.Unwrap(err))
	}
	if info.IsDir() {
		return Source{Name: path, dir: path}, nil
	}
	if !info.Mode().IsRegular() && info.Mode()&fs.ModeNamedPipe == 0 {
		return Source{}, refused("%q is neither a file nor a folder", path)
	}
	return Source{Name: path, open: func() (io.ReadCloser, error) { return os.Open(path) }}, nil
}

// entry is one file of a source. Its name is only ever shown.
type entry struct {
	name    string
	data    []byte
	problem string // why it cannot be a certificate; data is nil then
	skipped bool   // foreign: neither a certificate by its name nor a problem
}

// counter bounds what all sources of an import may hold together.
type counter struct {
	entries int
	bytes   int64
}

func (c *counter) add(n int) error {
	c.entries++
	c.bytes += int64(n)
	switch {
	case c.entries > maxEntries:
		return refused("there are more than %d files in it", maxEntries)
	case c.bytes > maxTotal:
		return refused("there are more than %d MiB in it", maxTotal>>20)
	}
	return nil
}

// walk yields the files of a source, whatever its container. An error means
// that the source cannot be trusted as a whole.
func (c *counter) walk(s Source, yield func(entry) error) error {
	if s.dir != "" {
		return c.walkDir(s.dir, yield)
	}
	r, err := s.open()
	if err != nil {
		return fmt.Errorf("reading %q: %w", s.Name, err)
	}
	defer r.Close()
	if err := c.walkStream(s.Name, r, yield); err != nil {
		return fmt.Errorf("reading %q: %w", s.Name, err)
	}
	return nil
}

func (c *counter) walkDir(dir string, yield func(entry) error) error {
	files, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("reading folder %q: %w", dir, err)
	}
	for _, f := range files {
		e := entry{name: filepath.Join(dir, f.Name())}
		switch {
		case f.IsDir() || !isCertificateName(f.Name()):
			e.skipped = true
		case !f.Type().IsRegular():
			e.problem = "it is not a regular file"
		default:
			if err := c.readFile(&e); err != nil {
				return err
			}
		}
		if err := yield(e); err != nil {
			return err
		}
	}
	return nil
}

func (c *counter) readFile(e *entry) error {
	f, err := os.Open(e.name)
	if err != nil {
		e.problem = "it cannot be read"
		return nil
	}
	defer f.Close()
	return c.read(e, f)
}

// read takes the content of a file, unless it is too long for a certificate.
func (c *counter) read(e *entry, r io.Reader) error {
	data, err := io.ReadAll(io.LimitReader(r, maxEntry+1))
	if err != nil {
		return err
	}
	if len(data) > maxEntry {
		e.problem = fmt.Sprintf("it is longer than %d KiB, so it is no certificate", maxEntry>>10)
		data = nil
	}
	e.data = data
	return c.add(len(data))
}

// walkStream tells the container by its first bytes, never by its name.
func (c *counter) walkStream(name string, r io.Reader, yield func(entry) error) error {
	b := bufio.NewReaderSize(r, 64<<10)
	head, _ := b.Peek(peekLength) // a short file is told by what there is
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		return c.walkGzip(name, b, yield)
	case bytes.HasPrefix(head, []byte("PK\x03\x04")) || bytes.HasPrefix(head, []byte("PK\x05\x06")):
		return c.walkZip(b, yield)
	case isTar(head):
		return c.walkTar(b, yield)
	}
	e := entry{name: name}
	if err := c.read(&e, b); err != nil {
		return err
	}
	return yield(e)
}

func isTar(head []byte) bool { return len(head) > 262 && string(head[257:262]) == "ustar" }

// walkGzip reads a compressed tar, or a single compressed file.
func (c *counter) walkGzip(name string, r io.Reader, yield func(entry) error) error {
	compressed := &meter{r: r}
	z, err := gzip.NewReader(compressed)
	if err != nil {
		return damaged(err)
	}
	defer z.Close()
	b := bufio.NewReaderSize(&ratioReader{r: z, compressed: compressed}, 64<<10)
	head, err := b.Peek(peekLength)
	if isTar(head) {
		return c.walkTar(b, yield)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return damaged(err)
	}
	e := entry{name: name}
	if err := c.read(&e, b); err != nil {
		return damaged(err)
	}
	return yield(e)
}

func (c *counter) walkTar(r io.Reader, yield func(entry) error) error {
	t := tar.NewReader(r)
	for {
		head, err := t.Next()
		if err == io.EOF {
			// The rest is read for the sake of its checksum.
			_, err = io.Copy(io.Discard, r)
			return damaged(err)
		}
		if err != nil {
			return damaged(err)
		}
		e := entry{name: head.Name}
		switch head.Typeflag {
		case tar.TypeDir:
			continue
		case tar.TypeReg:
			if err := c.inner(&e, t); err != nil {
				return damaged(err)
			}
		case tar.TypeXGlobalHeader:
			continue
		default:
			e.problem = "it is a link or a device, not a file"
			if err := c.add(0); err != nil {
				return err
			}
		}
		if err := yield(e); err != nil {
			return err
		}
	}
}

// inner takes a file of an archive.
func (c *counter) inner(e *entry, r io.Reader) error {
	switch {
	case !isCertificateName(e.name):
		e.skipped = true
		return c.add(0)
	case strings.HasPrefix(e.name, "/") || !filepath.IsLocal(filepath.FromSlash(strings.ReplaceAll(e.name, `\`, "/"))):
		e.problem = "its path leads out of the archive"
		return c.add(0)
	}
	return c.read(e, r)
}

// walkZip spools a zip, whose directory stands at its end.
func (c *counter) walkZip(r io.Reader, yield func(entry) error) error {
	spool, err := os.CreateTemp("", "capf-import-*")
	if err != nil {
		return err
	}
	defer os.Remove(spool.Name())
	defer spool.Close()
	size, err := io.Copy(spool, io.LimitReader(r, maxSpool+1))
	if err != nil {
		return err
	}
	if size > maxSpool {
		return refused("it is longer than %d MiB", maxSpool>>20)
	}
	z, err := zip.NewReader(spool, size)
	if err != nil {
		return damaged(err)
	}
	if len(z.File) > maxEntries {
		return refused("there are more than %d files in it", maxEntries)
	}
	for _, f := range z.File {
		if err := c.walkZipFile(f, yield); err != nil {
			return err
		}
	}
	return nil
}

func (c *counter) walkZipFile(f *zip.File, yield func(entry) error) error {
	e := entry{name: f.Name}
	switch mode := f.Mode(); {
	case mode.IsDir():
		return nil
	case !mode.IsRegular():
		e.problem = "it is a link or a device, not a file"
	case f.Flags&1 != 0:
		e.problem = "it is encrypted"
	default:
		r, err := f.Open()
		if err != nil {
			return damaged(err)
		}
		defer r.Close()
		if err := c.inner(&e, r); err != nil {
			return damaged(err)
		}
	}
	return yield(e)
}

func isCertificateName(name string) bool {
	return strings.Contains(certNames, " "+strings.ToLower(filepath.Ext(name))+" ")
}

// damaged words what the readers of containers say, unless it is a refusal of
// our own.
func damaged(err error) error {
	switch {
	case err == nil || errors.Is(err, ErrRefused):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return refused("the archive is cut off")
	}
	return refused("the archive is damaged (%v)", err)
}

// meter counts what has been read.
type meter struct {
	r io.Reader
	n int64
}

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	m.n += int64(n)
	return n, err
}

// ratioReader ends a stream that grows beyond reason when it is decompressed.
type ratioReader struct {
	r          io.Reader
	compressed *meter
	n          int64
}

func (r *ratioReader) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	r.n += int64(n)
	if r.n > maxTotal || r.n > ratioFloor && r.n > maxRatio*r.compressed.n {
		return n, refused("it grows beyond reason when it is decompressed")
	}
	return n, err
}
