package archive

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"capf/enroll/companytest"
	"capf/internal/apperr"
)

// small are limits that a test can reach.
var small = Limits{File: 1000, Entries: 3, Total: 10_000, Ratio: 10, Floor: 2000}

// entries walks a source and words what it yields.
func entries(c *Reader, s Source) (all []string, err error) {
	err = c.Walk(s, func(e Entry) error {
		all = append(all, strings.TrimSpace(fmt.Sprintf("%s: %s%s", filepath.Base(e.Name), e.Skipped, e.Problem)))
		return nil
	})
	return all, err
}

// TestLimitOfAll: the sources of one import share one limit of bytes.
func TestLimitOfAll(t *testing.T) {
	t.Parallel()
	c := NewReader(small)
	noise := bytes.Repeat([]byte("no certificate\n"), 400)
	if _, err := entries(c, inMemory(noise)); err != nil {
		t.Fatal(err)
	}
	if _, err := entries(c, inMemory(noise)); !errors.Is(err, apperr.ErrRefused) || !strings.HasSuffix(err.Error(), "there are more than 0 MiB in it") {
		t.Errorf("the second: %v", err)
	}
}

// TestBelowFloor: what is small may be compressed as well as it likes.
func TestBelowFloor(t *testing.T) {
	t.Parallel()
	zeros := bytes.Repeat([]byte("\n"), 1900)
	for name, data := range map[string][]byte{
		"gzip": companytest.Gzip(t, zeros),
		"zip":  companytest.Zip(t, companytest.File{Name: "a.pem", Data: zeros}),
	} {
		if _, err := entries(NewReader(small), inMemory(data)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestCountedFirst: of a zip with too many files nothing is read.
func TestCountedFirst(t *testing.T) {
	t.Parallel()
	var files []companytest.File
	for i := range 4 {
		files = append(files, companytest.File{Name: fmt.Sprintf("%d.pem", i)})
	}
	if got, err := entries(NewReader(small), inMemory(companytest.Zip(t, files...))); !errors.Is(err, apperr.ErrRefused) || len(got) > 0 {
		t.Errorf("%q, %v", got, err)
	}
}

// TestHeadCounter finds each head once, however it is cut.
func TestHeadCounter(t *testing.T) {
	t.Parallel()
	data := []byte("PK\x01\x02aPK\x01\x02PK\x01\x02bcdPK\x01PK\x01\x02e")
	for size := 1; size <= len(data); size++ {
		h := &headCounter{}
		for part := range slices.Chunk(data, size) {
			if n, err := h.Write(part); n != len(part) || err != nil {
				t.Fatal(n, err)
			}
		}
		if h.n != 4 {
			t.Errorf("in parts of %d: %d heads", size, h.n)
		}
	}
}

// TestLinks: a link that would be read is refused, one that would not is skipped.
func TestLinks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"README", "a.pem"} {
		if err := os.Symlink("/dev/zero", filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	folder, err := Path(disk{}, dir)
	if err != nil {
		t.Fatal(err)
	}
	links := companytest.Tar(t, companytest.File{Name: "README", Kind: tar.TypeSymlink}, companytest.File{Name: "a.pem", Kind: tar.TypeSymlink})
	want := []string{"README: its name is not that of a certificate", "a.pem: " + notFile}
	for name, s := range map[string]Source{"folder": folder, "tar": inMemory(links)} {
		if got, err := entries(NewReader(small), s); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// TestBrokenHead: a compressed file that ends or errs in its head is no empty one.
func TestBrokenHead(t *testing.T) {
	t.Parallel()
	whole := companytest.Gzip(t, []byte("no certificate\n"))
	for name, data := range map[string][]byte{"cut off": whole[:8], "another method": append([]byte("\x1f\x8b\x07"), whole[3:]...)} {
		if got, err := entries(NewReader(small), inMemory(data)); !errors.Is(err, apperr.ErrRefused) || len(got) > 0 {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}
