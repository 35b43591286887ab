package archive

import (
	"archive/tar"
	"bytes"
	"errors"
	"testing"

	"capf/enroll/companytest"
	"capf/internal/apperr"
)

// FuzzContainer: whatever an archive holds, its reader ends within its limits
// and says of each file either what is in it or why not.
func FuzzContainer(f *testing.F) {
	d := companytest.New(f)
	c := companytest.PEM(d.Root.Certificate)
	files := []companytest.File{
		{Name: "a.pem", Data: c}, {Name: "b.der", Data: d.Root.Raw}, {Name: "../c.der", Data: c}, {Name: "d.csr"},
		{Name: "e.p7b", Data: companytest.PKCS7(f, d.Root.Certificate)}, {Name: "f", Kind: tar.TypeSymlink}, {Name: "g.zip", Data: c},
	}
	for _, data := range [][]byte{
		c, d.Root.Raw, companytest.Tar(f, files...), companytest.Tgz(f, files...), companytest.Zip(f, files...), companytest.Gzip(f, c), companytest.Tar(f)[:512], nil,
		append(bytes.Clone(c[:100]), c...), []byte("PK\x05\x06"), []byte("\x1f\x8b"),
	} {
		f.Add(data)
	}
	small := Limits{File: 4 << 10, Entries: 20, Total: 64 << 10, Ratio: 20, Floor: 16 << 10}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, n, held := NewReader(small), 0, 0
		err := c.Walk(Stream("fuzz", bytes.NewReader(data)), func(e Entry) error {
			n++
			held += len(e.Data)
			told := 0
			for _, has := range []bool{e.Data != nil, e.Problem != "", e.Skipped != ""} {
				if has {
					told++
				}
			}
			if told != 1 || len(e.Data) > int(small.File) {
				t.Errorf("an entry %q with %d bytes: %q, %q", e.Name, len(e.Data), e.Problem, e.Skipped)
			}
			return nil
		})
		if n > small.Entries || held > int(small.Total) {
			t.Errorf("%d entries with %d bytes", n, held)
		}
		if err != nil && !errors.Is(err, apperr.ErrRefused) {
			t.Errorf("an error that is no refusal: %v", err)
		}
	})
}
