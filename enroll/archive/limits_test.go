package archive

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"capf/enroll/companytest"
	"capf/internal/apperr"
)

// TestLimits are the limits themselves, made small.
func TestLimits(t *testing.T) {
	t.Parallel()
	few := Limits{File: 1000, Entries: 3, Total: 10_000, Ratio: 10, Floor: 2000}
	noise := []byte(strings.Repeat("no certificate\n", 200))
	four := []companytest.File{{Name: "a.pem"}, {Name: "b.txt"}, {Name: "c.der"}, {Name: "d.der"}}
	folder := t.TempDir()
	for _, f := range four {
		if err := os.WriteFile(filepath.Join(folder, f.Name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	dir, err := Path(disk{}, folder)
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Repeat("-----BEGIN X-----\n-----END X-----\n", 4)
	for name, test := range map[string]struct {
		source Source
		want   string
	}{
		"tar count":    {inMemory(companytest.Tar(t, four...)), "there are more than 3 files in it"},
		"tar folders":  {inMemory(companytest.Tar(t, companytest.File{Name: "a", Kind: tar.TypeDir}, companytest.File{Name: "b", Kind: tar.TypeDir}, four[0], four[1])), "there are more than 3 files in it"},
		"zip count":    {inMemory(companytest.Zip(t, four...)), "there are more than 3 files in it"},
		"folder count": {dir, "there are more than 3 files in it"},
		"blocks":       {inMemory([]byte(blocks)), "there are more than 3 files in it"},
		"size":         {inMemory(bytes.Repeat(noise, 10)), "there are more than 0 MiB in it"},
		"gzip size":    {inMemory(companytest.Gzip(t, bytes.Repeat(noise, 10))), "there are more than 0 MiB in it"},
		"gzip ratio":   {inMemory(companytest.Gzip(t, bytes.Repeat(noise, 2))), "it decompresses to an unreasonable size"},
		"zip size":     {inMemory(companytest.Zip(t, companytest.File{Name: "a.pem", Data: noise})), "it decompresses to an unreasonable size"},
		"endless":      {Stream("x", endless{}), "there are more than 0 MiB in it"},
	} {
		err := NewReader(few).Walk(test.source, func(Entry) error { return nil })
		if !errors.Is(err, apperr.ErrRefused) || !strings.HasSuffix(fmt.Sprint(err), test.want) {
			t.Errorf("%s: the error is %v, instead of %s", name, err, test.want)
		}
	}
	own := errors.New("enough")
	for _, s := range []Source{inMemory(companytest.Tgz(t, four[0])), inMemory(companytest.Zip(t, four[0])), dir} {
		if err := NewReader(few).Walk(s, func(Entry) error { return own }); err != own {
			t.Errorf("the taker's error became %v", err)
		}
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// TestPath are sources that a command line may name.
func TestPath(t *testing.T) {
	t.Parallel()
	_, err := Path(disk{}, filepath.Join(t.TempDir(), "missing"))
	if !errors.Is(err, os.ErrNotExist) || !strings.HasSuffix(err.Error(), "missing\": no such file or directory") {
		t.Errorf("a missing file: %v", err)
	}
	if _, err := Path(disk{}, "/dev/null"); !errors.Is(err, apperr.ErrRefused) || err.Error() != `"/dev/null" is neither a file nor a folder` {
		t.Errorf("a device: %v", err)
	}
}

// inMemory is a source that is called x.
func inMemory(data []byte) Source { return Stream("x", bytes.NewReader(data)) }

// disk is the file system itself.
type disk struct{}

func (disk) Stat(name string) (fs.FileInfo, error) { return os.Stat(name) }
func (disk) Open(name string) (*os.File, error)    { return os.Open(name) }
