package enroll

import (
	"archive/tar"
	"bytes"
	"errors"
	"testing"

	"capf/internal/apperr"
)

// FuzzContainer: whatever an archive holds, its reader ends within its limits
// and says of each file either what is in it or why not.
func FuzzContainer(f *testing.F) {
	d := newDesk(f)
	c := pemOf(d.root.Certificate)
	files := []file{
		{name: "a.pem", data: c}, {name: "b.der", data: d.root.Raw}, {name: "../c.der", data: c}, {name: "d.csr"},
		{name: "e.p7b", data: chainOf(f, d.root.Certificate)}, {name: "f", kind: tar.TypeSymlink}, {name: "g.zip", data: c},
	}
	for _, data := range [][]byte{
		c, d.root.Raw, tarOf(f, files...), tgzOf(f, files...), zipOf(f, files...), gzipOf(f, c), tarOf(f)[:512], nil,
		append(bytes.Clone(c[:100]), c...), []byte("PK\x05\x06"), []byte("\x1f\x8b"),
	} {
		f.Add(data)
	}
	small := limits{file: 4 << 10, entries: 20, total: 64 << 10, ratio: 20, floor: 16 << 10}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, n, held := newCounter(small), 0, 0
		err := c.walk(Bytes("fuzz", data), func(e entry) error {
			n++
			held += len(e.data)
			told := 0
			for _, has := range []bool{e.data != nil, e.problem != "", e.foreign != ""} {
				if has {
					told++
				}
			}
			if told != 1 || len(e.data) > int(small.file) {
				t.Errorf("an entry %q with %d bytes: %q, %q", e.name, len(e.data), e.problem, e.foreign)
			}
			return nil
		})
		if n > small.entries || held > int(small.total) {
			t.Errorf("%d entries with %d bytes", n, held)
		}
		if err != nil && !errors.Is(err, apperr.ErrRefused) {
			t.Errorf("an error that is no refusal: %v", err)
		}
	})
}
