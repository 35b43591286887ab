package companytest

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/x509"
	"testing"

	"github.com/smallstep/pkcs7"

	"capf/crypto"
)

// File is one file of an archive.
type File struct {
	Name string
	Data []byte
	Kind byte // of a tar; 0 is a regular file
}

// PEM is the certificates in PEM, one after the other.
func PEM(certs ...*x509.Certificate) []byte {
	var all []byte
	for _, c := range certs {
		all = append(all, crypto.CertificatePEM(c.Raw)...)
	}
	return all
}

// PKCS7 is a PKCS#7 without a signer, as CAs send chains.
func PKCS7(t testing.TB, certs ...*x509.Certificate) []byte {
	t.Helper()
	var all []byte
	for _, c := range certs {
		all = append(all, c.Raw...)
	}
	p7, err := pkcs7.DegenerateCertificate(all)
	if err != nil {
		t.Fatal(err)
	}
	return p7
}

// Tar is a tar of the files.
func Tar(t testing.TB, files ...File) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		head := &tar.Header{Name: f.Name, Mode: 0o644, Size: int64(len(f.Data)), Typeflag: f.Kind}
		if f.Kind != 0 && f.Kind != tar.TypeReg {
			head.Size, head.Linkname = 0, "/etc/passwd"
		}
		if err := w.WriteHeader(head); err != nil {
			t.Fatal(err)
		}
		if head.Size > 0 {
			if _, err := w.Write(f.Data); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Gzip is the data compressed.
func Gzip(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Tgz is a compressed tar of the files.
func Tgz(t testing.TB, files ...File) []byte { return Gzip(t, Tar(t, files...)) }

// Zip is a zip of the files.
func Zip(t testing.TB, files ...File) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, f := range files {
		head := &zip.FileHeader{Name: f.Name, Method: zip.Deflate}
		if f.Kind == tar.TypeSymlink {
			head.SetMode(0o777 | 1<<27) // fs.ModeSymlink
		}
		part, err := w.CreateHeader(head)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := part.Write(f.Data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
