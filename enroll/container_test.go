package enroll

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
	"capf/internal/apperr"
)

// TestContainers brings three certificates in every container and encoding.
func TestContainers(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.trusts(d.root, d.ca)
	type signed = []*x509.Certificate
	each := func(c signed, extension string, encode func(*x509.Certificate) []byte) (files []file) {
		for i, one := range c {
			files = append(files, file{name: fmt.Sprintf("folder/%d%s", i, extension), data: encode(one)})
		}
		return files
	}
	asPEM := func(c *x509.Certificate) []byte { return pemOf(c) }
	withText := func(c *x509.Certificate) []byte {
		return append([]byte("\xef\xbb\xbfCertificate:\r\n  Data:\r\n"), bytes.ReplaceAll(pemOf(c), []byte("\n"), []byte("\r\n"))...)
	}
	asChain := func(c *x509.Certificate) []byte { return chainOf(t, c, d.ca.Certificate, d.root.Certificate) }
	asChainPEM := func(kind string) func(*x509.Certificate) []byte {
		return func(c *x509.Certificate) []byte {
			return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: asChain(c)})
		}
	}
	withChain := func(c *x509.Certificate) []byte { return pemOf(c, d.ca.Certificate, d.root.Certificate) }
	plain := func(name string, data []byte) []Source { return []Source{Bytes(name, data)} }
	for _, test := range []struct {
		name    string
		sources func(t *testing.T, c signed) []Source
	}{
		{"tgz of DER", func(t *testing.T, c signed) []Source { return plain("x.tgz", tgzOf(t, each(c, ".der", der)...)) }},
		{"tgz of PEM", func(t *testing.T, c signed) []Source { return plain("x.tar.gz", tgzOf(t, each(c, ".PEM", asPEM)...)) }},
		{"tgz of PKCS#7", func(t *testing.T, c signed) []Source { return plain("x", tgzOf(t, each(c, ".p7b", asChain)...)) }},
		{"tar of DER", func(t *testing.T, c signed) []Source { return plain("x.tar", tarOf(t, each(c, ".cer", der)...)) }},
		{"tar of PEM with text", func(t *testing.T, c signed) []Source { return plain("x.tar", tarOf(t, each(c, ".crt", withText)...)) }},
		{"tar of PKCS#7 in PEM", func(t *testing.T, c signed) []Source {
			return plain("x.tar", tarOf(t, each(c, ".p7c", asChainPEM("PKCS7"))...))
		}},
		{"zip of DER", func(t *testing.T, c signed) []Source { return plain("x.zip", zipOf(t, each(c, ".der", der)...)) }},
		{"zip of PEM with the chain", func(t *testing.T, c signed) []Source { return plain("x.zip", zipOf(t, each(c, ".pem", withChain)...)) }},
		{"zip of PKCS#7 called certificates", func(t *testing.T, c signed) []Source {
			return plain("x.zip", zipOf(t, each(c, ".cer", asChainPEM("CERTIFICATE"))...))
		}},
		{"folder", func(t *testing.T, c signed) []Source {
			dir := t.TempDir()
			for i, encode := range []func(*x509.Certificate) []byte{der, asPEM, asChain} {
				if err := os.WriteFile(filepath.Join(dir, fmt.Sprint(i, ".cer")), encode(c[i]), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			s, err := Path(disk{}, dir)
			if err != nil {
				t.Fatal(err)
			}
			return []Source{s}
		}},
		{"files", func(t *testing.T, c signed) (all []Source) {
			for i, encode := range []func(*x509.Certificate) []byte{der, withText, asChainPEM("CMS")} {
				name := filepath.Join(t.TempDir(), fmt.Sprint("any name ", i))
				if err := os.WriteFile(name, encode(c[i]), 0o600); err != nil {
					t.Fatal(err)
				}
				s, err := Path(disk{}, name)
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, s)
			}
			return all
		}},
		{"one file of PEM", func(t *testing.T, c signed) []Source { return plain("x.pem", pemOf(c...)) }},
		{"one file of DER", func(t *testing.T, c signed) []Source {
			return plain("x.der", slices.Concat(der(c[0]), der(c[1]), der(c[2])))
		}},
		{"one PKCS#7", func(t *testing.T, c signed) []Source { return plain("x.p7b", chainOf(t, c...)) }},
		{"one compressed file", func(t *testing.T, c signed) []Source { return plain("x.pem.gz", gzipOf(t, pemOf(c...))) }},
		{"a pipe", func(t *testing.T, c signed) []Source {
			return []Source{Stream("stdin", bytes.NewReader(tgzOf(t, each(c, ".der", der)...)))}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := &desk{TB: t, Rules: d.Rules, root: d.root, ca: d.ca, serial: d.serial}
			var certs signed
			for i := range 3 {
				certs = append(certs, d.sign(d.request(fmt.Sprintf("phone-%d", i))))
			}
			lines, report, err := d.lines(ImportOptions{}, test.sources(t, certs)...)
			if err != nil || report.Count(Imported) != 3 || report.Count(RefusedRow) != 0 || len(report.MissingCAs) != 0 {
				t.Fatalf("%v, %+v, %v", lines, report, err)
			}
			before := d.facts()
			lines, report, err = d.lines(ImportOptions{}, test.sources(t, certs)...)
			if err != nil || report.Count(AlreadyThere) != 3 || report.Count(Imported) != 0 {
				t.Errorf("the second time: %v, %v", lines, err)
			}
			if after := d.facts(); after != before {
				t.Errorf("the second time made %q of %q", after, before)
			}
		})
		d.serial += 10 // each test numbers its own
	}
}

// TestManyInOneFile reads a text that is longer than any certificate.
func TestManyInOneFile(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.trusts(d.root, d.ca)
	block := pemOf(d.root.Certificate)
	text := bytes.Repeat(block, int(usualLimits().file)/len(block)+1)
	text = append(text, pemOf(d.sign(d.request("phone")))...)
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
	d.trusts(d.root, d.ca)
	csr := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: d.request("csr").CSR})
	zeros := make([]byte, 20<<20)
	long := append([]byte{0x30, 0x84}, zeros[:2<<20]...)
	good := func(c []byte) file { return file{name: "good.der", data: c} }
	for _, test := range []struct {
		name string
		make func(t *testing.T, c []byte) []byte
		want []string // lines
		err  string   // the import is refused
		hint string   // with advice, if it is not the usual one
	}{
		{name: "cut off gzip", make: func(t *testing.T, c []byte) []byte { b := tgzOf(t, good(c)); return b[:len(b)-20] }, err: "the archive is cut off"},
		{name: "cut off in a file", make: func(t *testing.T, c []byte) []byte { return tarOf(t, good(c))[:700] }, err: "the archive is cut off"},
		{name: "cut off between files", make: func(t *testing.T, c []byte) []byte {
			return bytes.TrimRight(tarOf(t, good(c), good(nil)), "\x00")[:1024]
		}, err: "the archive is cut off"},
		{name: "cut off zip", make: func(t *testing.T, c []byte) []byte { b := zipOf(t, good(c)); return b[:len(b)-30] },
			err: "the archive is damaged (zip: not a valid zip file)"},
		{name: "damaged gzip", make: func(t *testing.T, c []byte) []byte { b := tgzOf(t, good(c)); b[len(b)-5]++; return b },
			err: "the archive is damaged (gzip: invalid checksum)"},
		{name: "damaged zip", make: func(t *testing.T, c []byte) []byte {
			b := zipOf(t, good(c))
			i := bytes.Index(b, []byte("PK\x01\x02"))
			b[i+16]++ // the CRC-32 in the directory
			return b
		}, err: "the archive is damaged (zip: checksum error)"},
		{name: "damaged tar", make: func(t *testing.T, c []byte) []byte { b := tarOf(t, good(c)); b[0]++; return b },
			err: "the archive is damaged (archive/tar: invalid tar header)"},
		{name: "gzip of zeros", make: func(t *testing.T, c []byte) []byte { return gzipOf(t, zeros) }, err: "it grows beyond reason when it is decompressed"},
		{name: "tgz with a bomb", make: func(t *testing.T, c []byte) []byte { return tgzOf(t, good(c), file{name: "big", data: zeros}) },
			err: "it grows beyond reason when it is decompressed"},
		{name: "zip with a bomb", make: func(t *testing.T, c []byte) []byte {
			files := []file{good(c)}
			for i := range 20 {
				files = append(files, file{name: fmt.Sprint(i, ".pem"), data: zeros[:1<<20]})
			}
			return zipOf(t, files...)
		}, err: "it grows beyond reason when it is decompressed"},
		{name: "long file", make: func(t *testing.T, c []byte) []byte { return tarOf(t, file{name: "long.der", data: long}, good(c)) },
			want: []string{"long.der: refused: it is longer than 1024 KiB, so it is no certificate", "good.der: imported"}},
		{name: "paths", make: func(t *testing.T, c []byte) []byte {
			return tgzOf(t, file{name: "/etc/a.der", data: c}, file{name: "../a.der", data: c}, file{name: "a/../../a.pem", data: c},
				file{name: `..\a.der`, data: c}, file{name: "a/../b.der", data: c})
		}, want: []string{
			"/etc/a.der: refused: its path leads out of the archive", "../a.der: refused: its path leads out of the archive",
			"a/../../a.pem: refused: its path leads out of the archive", `..\a.der: refused: its path leads out of the archive`,
			"a/../b.der: imported",
		}},
		{name: "links", make: func(t *testing.T, c []byte) []byte {
			return tarOf(t, file{name: "a.der", kind: tar.TypeSymlink}, file{name: "b.der", kind: tar.TypeLink}, file{name: "c.der", kind: tar.TypeChar},
				file{name: "d.der", kind: tar.TypeFifo}, file{name: "folder.der", kind: tar.TypeDir}, good(c))
		}, want: []string{
			"a.der: refused: it is a link or a device, not a file", "b.der: refused: it is a link or a device, not a file",
			"c.der: refused: it is a link or a device, not a file", "d.der: refused: it is a link or a device, not a file", "good.der: imported",
		}},
		{name: "links in a zip", make: func(t *testing.T, c []byte) []byte {
			return zipOf(t, file{name: "a.der", kind: tar.TypeSymlink, data: []byte("/etc/passwd")}, file{name: "../b.der", data: c}, good(c))
		}, want: []string{
			"a.der: refused: it is a link or a device, not a file", "../b.der: refused: its path leads out of the archive", "good.der: imported",
		}},
		{name: "duplicates", make: func(t *testing.T, c []byte) []byte { return tarOf(t, good(c), file{name: "./good.der", data: c}) },
			want: []string{"good.der: imported", "./good.der: refused: a file of this name is in the archive already"}},
		{name: "foreign", make: func(t *testing.T, c []byte) []byte {
			return tarOf(t, file{name: "README", data: []byte("hello")}, file{name: "._good.der", data: []byte("Mac OS X")},
				file{name: "ca.key", data: []byte("secret")}, file{name: "manifest.json", data: []byte("[]")}, good(c))
		}, want: []string{
			"README: skipped: its name is not that of a certificate", "._good.der: skipped: it is a hidden file",
			"ca.key: skipped: it is a private key, which has no business here", "manifest.json: skipped: its name is not that of a certificate", "good.der: imported",
		}},
		{name: "no certificates", make: func(t *testing.T, c []byte) []byte {
			return tarOf(t, file{name: "empty.der"}, file{name: "text.pem", data: []byte("Dear customer,\n")}, file{name: "noise.der", data: []byte{0x30, 0x82, 1, 0, 7}},
				file{name: "key.pem", data: pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: []byte("secret")})},
				file{name: "pub.pem", data: pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: []byte("key")})},
				file{name: "second.pem", data: slices.Concat(crypto.CertificatePEM(c), []byte("-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----\n"))},
				file{name: "half.pem", data: crypto.CertificatePEM(c)[:100]})
		}, want: []string{
			"empty.der: refused: it is empty", "text.pem: refused: it is neither PEM nor DER nor base64", "noise.der: refused: it is neither PEM nor DER nor base64",
			"key.pem: refused: it holds a private key, which has no business here; its certificate alone, if it has one: openssl x509 -in FILE -out certificate.pem",
			"pub.pem: refused: it is a public key, which a CA still has to certify; what is in it: openssl pkey -pubin -in FILE -noout -text", "second.pem: imported",
			"second.pem: refused: PEM block 2: it holds a damaged PEM block", "half.pem: refused: it holds a damaged PEM block",
		}},
		{name: "archives in it", make: func(t *testing.T, c []byte) []byte {
			return tarOf(t, file{name: "a.tgz", data: tgzOf(t, good(c))}, file{name: "b.der", data: tgzOf(t, good(c))}, file{name: "c.cer", data: zipOf(t, good(c))}, good(c))
		}, want: []string{
			"a.tgz: refused: it is an archive inside another one: import it by itself", "b.der: refused: it is an archive inside another one: import it by itself",
			"c.cer: refused: it is an archive inside another one: import it by itself", "good.der: imported",
		}},
		{name: "requests", make: func(t *testing.T, c []byte) []byte {
			return tarOf(t, file{name: "a.csr", data: csr}, file{name: "a.pub", data: []byte("key")}, file{name: "b.pem", data: csr}, good(c))
		}, want: []string{
			"a.csr: skipped: it is a certificate request, which a CA still has to sign", "a.pub: skipped: it is a public key, which a CA still has to certify",
			"b.pem: refused: it is a certificate request, which a CA still has to sign; what is in it: openssl req -in FILE -noout -text", "good.der: imported",
		}},
		{name: "only requests", make: func(t *testing.T, c []byte) []byte {
			return tarOf(t, file{name: "a.csr", data: csr}, file{name: "a.pub", data: []byte("key")}, file{name: "manifest.json", data: []byte("[]")})
		}, want: []string{
			"a.csr: skipped: it is a certificate request, which a CA still has to sign", "a.pub: skipped: it is a public key, which a CA still has to certify",
			"manifest.json: skipped: its name is not that of a certificate",
		}, err: "there is no certificate in it, only requests", hint: "have them signed by a CA, and import what it has made"},
		{name: "encrypted", make: func(t *testing.T, c []byte) []byte {
			b := zipOf(t, good(c))
			b[bytes.Index(b, []byte("PK\x01\x02"))+8] |= 1
			return b
		}, want: []string{"good.der: refused: it is encrypted"}},
		{name: "compressed strangely", make: func(t *testing.T, c []byte) []byte {
			b := zipOf(t, good(c))
			b[bytes.Index(b, []byte("PK\x01\x02"))+10] = 14 // LZMA
			return b
		}, want: []string{"good.der: refused: it is compressed in a way that is not known"}},
		{name: "empty archive", make: func(t *testing.T, c []byte) []byte { return tgzOf(t) }},
		{name: "empty zip", make: func(t *testing.T, c []byte) []byte { return zipOf(t) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := &desk{TB: t, Rules: d.Rules, root: d.root, ca: d.ca, serial: d.serial}
			c := der(d.sign(d.request("phone")))
			before := d.facts()
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
			if after := d.facts(); (after != before) != good {
				t.Errorf("%q became %q", before, after)
			}
		})
		d.serial += 2
	}
}

// TestLimits are the limits themselves, made small.
func TestLimits(t *testing.T) {
	t.Parallel()
	few := limits{file: 1000, entries: 3, total: 10_000, ratio: 10, floor: 2000}
	noise := []byte(strings.Repeat("no certificate\n", 200))
	four := []file{{name: "a.pem"}, {name: "b.txt"}, {name: "c.der"}, {name: "d.der"}}
	folder := t.TempDir()
	for _, f := range four {
		if err := os.WriteFile(filepath.Join(folder, f.name), nil, 0o600); err != nil {
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
		"tar count":    {Bytes("x", tarOf(t, four...)), "there are more than 3 files in it"},
		"tar folders":  {Bytes("x", tarOf(t, file{name: "a", kind: tar.TypeDir}, file{name: "b", kind: tar.TypeDir}, four[0], four[1])), "there are more than 3 files in it"},
		"zip count":    {Bytes("x", zipOf(t, four...)), "there are more than 3 files in it"},
		"folder count": {dir, "there are more than 3 files in it"},
		"blocks":       {Bytes("x", []byte(blocks)), "there are more than 3 files in it"},
		"size":         {Bytes("x", bytes.Repeat(noise, 10)), "there are more than 0 MiB in it"},
		"gzip size":    {Bytes("x", gzipOf(t, bytes.Repeat(noise, 10))), "there are more than 0 MiB in it"},
		"gzip ratio":   {Bytes("x", gzipOf(t, bytes.Repeat(noise, 2))), "it grows beyond reason when it is decompressed"},
		"zip size":     {Bytes("x", zipOf(t, file{name: "a.pem", data: noise})), "it grows beyond reason when it is decompressed"},
		"endless":      {Stream("x", endless{}), "there are more than 0 MiB in it"},
	} {
		err := newCounter(few).walk(test.source, func(entry) error { return nil })
		if !errors.Is(err, apperr.ErrRefused) || !strings.HasSuffix(fmt.Sprint(err), test.want) {
			t.Errorf("%s: the error is %v, instead of %s", name, err, test.want)
		}
	}
	own := errors.New("enough")
	for _, s := range []Source{Bytes("x", tgzOf(t, four[0])), Bytes("x", zipOf(t, four[0])), dir} {
		if err := newCounter(few).walk(s, func(entry) error { return own }); err != own {
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

// TestFolder leaves alone what is not a certificate in it.
func TestFolder(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.trusts(d.root, d.ca)
	dir := t.TempDir()
	write := func(name string, data []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("a.der", der(d.sign(d.request("phone"))))
	write("b.txt", []byte("text"))
	if err := os.Symlink(filepath.Join(dir, "a.der"), filepath.Join(dir, "c.der")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "d.der"), 0o700); err != nil {
		t.Fatal(err)
	}
	s, err := Path(disk{}, dir)
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
