package offline

import (
	"archive/tar"
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"capf/crypto"
	"capf/enroll/archive"
	"capf/enroll/companytest"
	"capf/internal/apperr"
)

// TestContainers brings three certificates in every container and encoding.
func TestContainers(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.Trust(d.Root, d.CA)
	type signed = []*x509.Certificate
	each := func(c signed, extension string, encode func(*x509.Certificate) []byte) (files []file) {
		for i, one := range c {
			files = append(files, file{Name: fmt.Sprintf("folder/%d%s", i, extension), Data: encode(one)})
		}
		return files
	}
	asPEM := func(c *x509.Certificate) []byte { return companytest.PEM(c) }
	withText := func(c *x509.Certificate) []byte {
		return append([]byte("\xef\xbb\xbfCertificate:\r\n  Data:\r\n"), bytes.ReplaceAll(companytest.PEM(c), []byte("\n"), []byte("\r\n"))...)
	}
	asChain := func(c *x509.Certificate) []byte { return companytest.PKCS7(t, c, d.CA.Certificate, d.Root.Certificate) }
	asChainPEM := func(kind string) func(*x509.Certificate) []byte {
		return func(c *x509.Certificate) []byte {
			return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: asChain(c)})
		}
	}
	withChain := func(c *x509.Certificate) []byte { return companytest.PEM(c, d.CA.Certificate, d.Root.Certificate) }
	plain := func(name string, data []byte) []archive.Source { return []archive.Source{Bytes(name, data)} }
	for _, test := range []struct {
		name    string
		sources func(t *testing.T, c signed) []archive.Source
	}{
		{"tgz of DER", func(t *testing.T, c signed) []archive.Source {
			return plain("x.tgz", companytest.Tgz(t, each(c, ".der", der)...))
		}},
		{"tgz of PEM", func(t *testing.T, c signed) []archive.Source {
			return plain("x.tar.gz", companytest.Tgz(t, each(c, ".PEM", asPEM)...))
		}},
		{"tgz of PKCS#7", func(t *testing.T, c signed) []archive.Source {
			return plain("x", companytest.Tgz(t, each(c, ".p7b", asChain)...))
		}},
		{"tar of DER", func(t *testing.T, c signed) []archive.Source {
			return plain("x.tar", companytest.Tar(t, each(c, ".cer", der)...))
		}},
		{"tar of PEM with text", func(t *testing.T, c signed) []archive.Source {
			return plain("x.tar", companytest.Tar(t, each(c, ".crt", withText)...))
		}},
		{"tar of PKCS#7 in PEM", func(t *testing.T, c signed) []archive.Source {
			return plain("x.tar", companytest.Tar(t, each(c, ".p7c", asChainPEM("PKCS7"))...))
		}},
		{"zip of DER", func(t *testing.T, c signed) []archive.Source {
			return plain("x.zip", companytest.Zip(t, each(c, ".der", der)...))
		}},
		{"zip of PEM with the chain", func(t *testing.T, c signed) []archive.Source {
			return plain("x.zip", companytest.Zip(t, each(c, ".pem", withChain)...))
		}},
		{"zip of PKCS#7 called certificates", func(t *testing.T, c signed) []archive.Source {
			return plain("x.zip", companytest.Zip(t, each(c, ".cer", asChainPEM("CERTIFICATE"))...))
		}},
		{"folder", func(t *testing.T, c signed) []archive.Source {
			dir := t.TempDir()
			for i, encode := range []func(*x509.Certificate) []byte{der, asPEM, asChain} {
				if err := os.WriteFile(filepath.Join(dir, fmt.Sprint(i, ".cer")), encode(c[i]), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			s, err := archive.Path(disk{}, dir)
			if err != nil {
				t.Fatal(err)
			}
			return []archive.Source{s}
		}},
		{"files", func(t *testing.T, c signed) (all []archive.Source) {
			for i, encode := range []func(*x509.Certificate) []byte{der, withText, asChainPEM("CMS")} {
				name := filepath.Join(t.TempDir(), fmt.Sprint("any name ", i))
				if err := os.WriteFile(name, encode(c[i]), 0o600); err != nil {
					t.Fatal(err)
				}
				s, err := archive.Path(disk{}, name)
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, s)
			}
			return all
		}},
		{"one file of PEM", func(t *testing.T, c signed) []archive.Source { return plain("x.pem", companytest.PEM(c...)) }},
		{"one file of DER", func(t *testing.T, c signed) []archive.Source {
			return plain("x.der", slices.Concat(der(c[0]), der(c[1]), der(c[2])))
		}},
		{"one PKCS#7", func(t *testing.T, c signed) []archive.Source { return plain("x.p7b", companytest.PKCS7(t, c...)) }},
		{"one compressed file", func(t *testing.T, c signed) []archive.Source {
			return plain("x.pem.gz", companytest.Gzip(t, companytest.PEM(c...)))
		}},
		{"a pipe", func(t *testing.T, c signed) []archive.Source {
			return []archive.Source{archive.Stream("stdin", bytes.NewReader(companytest.Tgz(t, each(c, ".der", der)...)))}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := d.sub(t)
			var certs signed
			for i := range 3 {
				certs = append(certs, d.Sign(d.Request(fmt.Sprintf("phone-%d", i))))
			}
			lines, report, err := d.lines(ImportOptions{}, test.sources(t, certs)...)
			if err != nil || report.Count(Imported) != 3 || report.Count(Refused) != 0 || len(report.MissingCAs) != 0 {
				t.Fatalf("%v, %+v, %v", lines, report, err)
			}
			before := d.Facts()
			lines, report, err = d.lines(ImportOptions{}, test.sources(t, certs)...)
			if err != nil || report.Count(AlreadyThere) != 3 || report.Count(Imported) != 0 {
				t.Errorf("the second time: %v, %v", lines, err)
			}
			if after := d.Facts(); after != before {
				t.Errorf("the second time made %q of %q", after, before)
			}
		})
	}
}

// TestManyInOneFile reads a text that is longer than any certificate.
func TestManyInOneFile(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.Trust(d.Root, d.CA)
	block := companytest.PEM(d.Root.Certificate)
	text := bytes.Repeat(block, int(importLimits().File)/len(block)+1)
	text = append(text, companytest.PEM(d.Sign(d.Request("phone")))...)
	_, report, err := d.lines(ImportOptions{}, Bytes("bundle.pem", text))
	if err != nil || report.Count(Imported) != 1 {
		t.Errorf("%+v, %v", report, err)
	}
}

// TestWrongArchives are archives with something wrong in them, or that are
// wrong altogether, each with the lines that the operator reads. The good
// certificate in an archive is imported unless the archive is refused.
func TestWrongArchives(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.Trust(d.Root, d.CA)
	csr := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: d.Request("csr").CSR})
	zeros := make([]byte, 20<<20)
	long := append([]byte{0x30, 0x84}, zeros[:2<<20]...)
	good := func(c []byte) file { return file{Name: "good.der", Data: c} }
	for _, test := range []struct {
		name string
		make func(t *testing.T, c []byte) []byte
		want []string // lines
		err  string   // the import is refused
		hint string   // with advice, if it is not the usual one
	}{
		{name: "cut off gzip", make: func(t *testing.T, c []byte) []byte { b := companytest.Tgz(t, good(c)); return b[:len(b)-20] }, err: "the archive is cut off"},
		{name: "cut off in a file", make: func(t *testing.T, c []byte) []byte { return companytest.Tar(t, good(c))[:700] }, err: "the archive is cut off"},
		{name: "cut off between files", make: func(t *testing.T, c []byte) []byte {
			return bytes.TrimRight(companytest.Tar(t, good(c), good(nil)), "\x00")[:1024]
		}, err: "the archive is cut off"},
		{name: "cut off zip", make: func(t *testing.T, c []byte) []byte { b := companytest.Zip(t, good(c)); return b[:len(b)-30] },
			err: "the archive is damaged (zip: not a valid zip file)"},
		{name: "damaged gzip", make: func(t *testing.T, c []byte) []byte { b := companytest.Tgz(t, good(c)); b[len(b)-5]++; return b },
			err: "the archive is damaged (gzip: invalid checksum)"},
		{name: "damaged zip", make: func(t *testing.T, c []byte) []byte {
			b := companytest.Zip(t, good(c))
			i := bytes.Index(b, []byte("PK\x01\x02"))
			b[i+16]++ // the CRC-32 in the directory
			return b
		}, err: "the archive is damaged (zip: checksum error)"},
		{name: "damaged tar", make: func(t *testing.T, c []byte) []byte { b := companytest.Tar(t, good(c)); b[0]++; return b },
			err: "the archive is damaged (archive/tar: invalid tar header)"},
		{name: "gzip of zeros", make: func(t *testing.T, c []byte) []byte { return companytest.Gzip(t, zeros) }, err: "it decompresses to an unreasonable size"},
		{name: "tgz with a bomb", make: func(t *testing.T, c []byte) []byte {
			return companytest.Tgz(t, good(c), file{Name: "big", Data: zeros})
		},
			err: "it decompresses to an unreasonable size"},
		{name: "zip with a bomb", make: func(t *testing.T, c []byte) []byte {
			files := []file{good(c)}
			for i := range 20 {
				files = append(files, file{Name: fmt.Sprint(i, ".pem"), Data: zeros[:1<<20]})
			}
			return companytest.Zip(t, files...)
		}, err: "it decompresses to an unreasonable size"},
		{name: "long file", make: func(t *testing.T, c []byte) []byte {
			return companytest.Tar(t, file{Name: "long.der", Data: long}, good(c))
		},
			want: []string{"long.der: refused: it is longer than 1024 KiB, so it is no certificate", "good.der: imported"}},
		{name: "paths", make: func(t *testing.T, c []byte) []byte {
			return companytest.Tgz(t, file{Name: "/etc/a.der", Data: c}, file{Name: "../a.der", Data: c}, file{Name: "a/../../a.pem", Data: c},
				file{Name: `..\a.der`, Data: c}, file{Name: "a/../b.der", Data: c})
		}, want: []string{
			"/etc/a.der: refused: its path leads out of the archive", "../a.der: refused: its path leads out of the archive",
			"a/../../a.pem: refused: its path leads out of the archive", `..\a.der: refused: its path leads out of the archive`,
			"a/../b.der: imported",
		}},
		{name: "links", make: func(t *testing.T, c []byte) []byte {
			return companytest.Tar(t, file{Name: "a.der", Kind: tar.TypeSymlink}, file{Name: "b.der", Kind: tar.TypeLink}, file{Name: "c.der", Kind: tar.TypeChar},
				file{Name: "d.der", Kind: tar.TypeFifo}, file{Name: "folder.der", Kind: tar.TypeDir}, good(c))
		}, want: []string{
			"a.der: refused: it is a link or a device, not a file", "b.der: refused: it is a link or a device, not a file",
			"c.der: refused: it is a link or a device, not a file", "d.der: refused: it is a link or a device, not a file", "good.der: imported",
		}},
		{name: "links in a zip", make: func(t *testing.T, c []byte) []byte {
			return companytest.Zip(t, file{Name: "a.der", Kind: tar.TypeSymlink, Data: []byte("/etc/passwd")}, file{Name: "../b.der", Data: c}, good(c))
		}, want: []string{
			"a.der: refused: it is a link or a device, not a file", "../b.der: refused: its path leads out of the archive", "good.der: imported",
		}},
		{name: "duplicates", make: func(t *testing.T, c []byte) []byte {
			return companytest.Tar(t, good(c), file{Name: "./good.der", Data: c})
		},
			want: []string{"good.der: imported", "./good.der: refused: a file of this name is in the archive already"}},
		{name: "foreign", make: func(t *testing.T, c []byte) []byte {
			return companytest.Tar(t, file{Name: "README", Data: []byte("hello")}, file{Name: "._good.der", Data: []byte("Mac OS X")},
				file{Name: "ca.key", Data: []byte("secret")}, file{Name: "manifest.json", Data: []byte("[]")}, good(c))
		}, want: []string{
			"README: skipped: its name is not that of a certificate", "._good.der: skipped: it is a hidden file",
			"ca.key: skipped: it is a private key, which does not belong here", "manifest.json: skipped: its name is not that of a certificate", "good.der: imported",
		}},
		{name: "no certificates", make: func(t *testing.T, c []byte) []byte {
			return companytest.Tar(t, file{Name: "empty.der"}, file{Name: "text.pem", Data: []byte("Dear customer,\n")}, file{Name: "noise.der", Data: []byte{0x30, 0x82, 1, 0, 7}},
				file{Name: "key.pem", Data: pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: []byte("secret")})},
				file{Name: "pub.pem", Data: pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: []byte("key")})},
				file{Name: "second.pem", Data: slices.Concat(crypto.CertificatePEM(c), []byte("-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----\n"))},
				file{Name: "half.pem", Data: crypto.CertificatePEM(c)[:100]})
		}, want: []string{
			"empty.der: refused: it is empty", "text.pem: refused: it is neither PEM nor DER nor base64", "noise.der: refused: it is neither PEM nor DER nor base64",
			"key.pem: refused: it holds a private key, which does not belong here; its certificate alone, if it has one: openssl x509 -in FILE -out certificate.pem",
			"pub.pem: refused: it is a public key, which a CA still has to certify; what is in it: openssl pkey -pubin -in FILE -noout -text", "second.pem: imported",
			"second.pem: refused: PEM block 2: it holds a damaged PEM block", "half.pem: refused: it holds a damaged PEM block",
		}},
		{name: "archives in it", make: func(t *testing.T, c []byte) []byte {
			return companytest.Tar(t, file{Name: "a.tgz", Data: companytest.Tgz(t, good(c))}, file{Name: "b.der", Data: companytest.Tgz(t, good(c))}, file{Name: "c.cer", Data: companytest.Zip(t, good(c))}, good(c))
		}, want: []string{
			"a.tgz: refused: it is an archive inside another one: import it by itself", "b.der: refused: it is an archive inside another one: import it by itself",
			"c.cer: refused: it is an archive inside another one: import it by itself", "good.der: imported",
		}},
		{name: "requests", make: func(t *testing.T, c []byte) []byte {
			return companytest.Tar(t, file{Name: "a.csr", Data: csr}, file{Name: "a.pub", Data: []byte("key")}, file{Name: "b.pem", Data: csr}, good(c))
		}, want: []string{
			"a.csr: skipped: it is a certificate request, which a CA still has to sign", "a.pub: skipped: it is a public key, which a CA still has to certify",
			"b.pem: refused: it is a certificate request, which a CA still has to sign; what is in it: openssl req -in FILE -noout -text", "good.der: imported",
		}},
		{name: "only requests", make: func(t *testing.T, c []byte) []byte {
			return companytest.Tar(t, file{Name: "a.csr", Data: csr}, file{Name: "a.pub", Data: []byte("key")}, file{Name: "manifest.json", Data: []byte("[]")})
		}, want: []string{
			"a.csr: skipped: it is a certificate request, which a CA still has to sign", "a.pub: skipped: it is a public key, which a CA still has to certify",
			"manifest.json: skipped: its name is not that of a certificate",
		}, err: "there is no certificate in it, only requests", hint: "have them signed by a CA, and import what it has made"},
		{name: "encrypted", make: func(t *testing.T, c []byte) []byte {
			b := companytest.Zip(t, good(c))
			b[bytes.Index(b, []byte("PK\x01\x02"))+8] |= 1
			return b
		}, want: []string{"good.der: refused: it is encrypted"}},
		{name: "compressed strangely", make: func(t *testing.T, c []byte) []byte {
			b := companytest.Zip(t, good(c))
			b[bytes.Index(b, []byte("PK\x01\x02"))+10] = 14 // LZMA
			return b
		}, want: []string{"good.der: refused: it is compressed in a way that is not known"}},
		{name: "empty archive", make: func(t *testing.T, c []byte) []byte { return companytest.Tgz(t) }},
		{name: "empty zip", make: func(t *testing.T, c []byte) []byte { return companytest.Zip(t) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := d.sub(t)
			c := der(d.Sign(d.Request("phone")))
			before := d.Facts()
			lines, _, err := d.lines(ImportOptions{}, Bytes("x", test.make(t, c)))
			if test.err != "" {
				want, hint := test.err, test.hint
				if hint == "" {
					want, hint = fmt.Sprintf("reading %q: %s", "x", want), "nothing was imported: not all of it can be read"
				}
				if err == nil || err.Error() != want || !errors.Is(err, apperr.ErrRefused) || apperr.Hint(err) != hint {
					t.Errorf("the error is %v, instead of %s", err, want)
				}
			} else if err != nil || !slices.Equal(lines, test.want) {
				t.Errorf("the lines are\n%s\nwith the error %v, instead of\n%s", strings.Join(lines, "\n"), err, strings.Join(test.want, "\n"))
			}
			good := err == nil && slices.ContainsFunc(lines, func(l string) bool { return strings.HasSuffix(l, ": imported") })
			if after := d.Facts(); (after != before) != good {
				t.Errorf("%q became %q", before, after)
			}
		})
	}
}

// TestFolder leaves alone what is not a certificate in it.
func TestFolder(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.Trust(d.Root, d.CA)
	dir := t.TempDir()
	write := func(name string, data []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("a.der", der(d.Sign(d.Request("phone"))))
	write("b.txt", []byte("text"))
	if err := os.Symlink(filepath.Join(dir, "a.der"), filepath.Join(dir, "c.der")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "d.der"), 0o700); err != nil {
		t.Fatal(err)
	}
	s, err := archive.Path(disk{}, dir)
	if err != nil {
		t.Fatal(err)
	}
	lines, _, err := d.lines(ImportOptions{}, s)
	want := []string{
		"/a.der: imported", "/b.txt: skipped: its name is not that of a certificate",
		"/c.der: refused: it is a link or a device, not a file", "/d.der: skipped: it is a folder in the folder",
	}
	for i := range want {
		want[i] = dir + want[i]
	}
	if err != nil || !slices.Equal(lines, want) {
		t.Errorf("%s, %v", strings.Join(lines, "\n"), err)
	}
}

// disk is the file system itself.
type disk struct{}

func (disk) Stat(name string) (fs.FileInfo, error) { return os.Stat(name) }
func (disk) Open(name string) (*os.File, error)    { return os.Open(name) }
