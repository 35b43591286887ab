package enroll

import (
	"archive/tar"
	"bytes"
	"encoding/pem"
	"errors"
	"testing"
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
		if err != nil && !errors.Is(err, ErrRefused) {
			t.Errorf("an error that is no refusal: %v", err)
		}
	})
}

// FuzzCertificates: whatever a file holds, there are certificates or a reason.
func FuzzCertificates(f *testing.F) {
	d := newDesk(f)
	chain := chainOf(f, d.root.Certificate, d.ca.Certificate)
	for _, data := range [][]byte{
		d.root.Raw, pemOf(d.root.Certificate), chain, pem.EncodeToMemory(&pem.Block{Type: "PKCS7", Bytes: chain}),
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: chain}), d.request("phone").CSR, d.request("phone").PublicKey,
		append(bytes.Clone(d.root.Raw), d.ca.Raw...), {0x30, 0x80, 0, 0}, nil,
		// The BER of a PKCS#7, of indefinite length.
		{0x30, 0x80, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0xd, 1, 7, 2, 0xa0, 0x80, 0x30, 0x80, 2, 1, 1, 0x31, 0, 0, 0, 0, 0, 0, 0},
	} {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		certs, err := readCertificates(data)
		if (len(certs) > 0) == (err != nil) {
			t.Errorf("%d certificates with the error %v", len(certs), err)
		}
		for _, c := range certs {
			if c == nil || len(c.Raw) == 0 {
				t.Error("a certificate that is none")
			}
		}
	})
}
