package authority

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"strings"

	"capf/crypto/certfile"
	"capf/enroll/archive"
	"capf/internal/apperr"
	"capf/store"
)

// UploadFile is a file with certificates in any form that certfile reads, or an
// archive of such files, and the trust stores they are for.
type UploadFile struct {
	Name     string
	Data     []byte
	Purposes []store.Purpose
	Skipped  string // why it is not read; Data is empty then
	Refused  string // why it cannot be read; Data is empty then
}

// uploaded is what was read from a file of an upload, or from one in an
// archive.
type uploaded struct {
	name    string
	certs   []*x509.Certificate
	problem string // why it is refused
	skipped string // why it is not read
}

// uploadLimits bound one archive of an upload.
func uploadLimits() archive.Limits {
	return archive.Limits{File: certfile.MaxFile, Entries: 1000, Total: 64 << 20, Ratio: 200, Floor: 16 << 20}
}

// read reads a file, or the files in it if it is an archive.
func (f UploadFile) read() []uploaded {
	if f.Skipped != "" || f.Refused != "" {
		return []uploaded{{name: f.Name, skipped: f.Skipped, problem: f.Refused}}
	}
	if !archive.Is(f.Data) {
		u := uploaded{name: f.Name}
		var err error
		if u.certs, err = certfile.Parse(f.Data); err != nil {
			u.problem = err.Error()
		}
		return []uploaded{u}
	}
	var all []uploaded
	err := archive.NewReader(uploadLimits()).Walk(archive.Stream(f.Name, bytes.NewReader(f.Data)), func(e archive.Entry) error {
		u := uploaded{name: f.Name + ": " + e.Name, problem: e.Problem, skipped: e.Skipped}
		if e.Name == f.Name {
			u.name = f.Name
		}
		if e.Problem == "" && e.Skipped == "" {
			var err error
			if u.certs, err = certfile.Certificates(e.Data); err != nil {
				u.problem = err.Error()
			}
		}
		if u.problem != "" && e.Block > 1 {
			u.problem = fmt.Sprintf("PEM block %d: %s", e.Block, u.problem)
		}
		all = append(all, u)
		return nil
	})
	if err != nil {
		return []uploaded{{name: f.Name, problem: strings.TrimPrefix(err.Error(), fmt.Sprintf("reading %q: ", f.Name))}}
	}
	return all
}

// Certificates reads a file that must hold nothing but certificates; in an archive,
// files that are skipped by name are left out. Errors are apperr.ErrRefused.
func (f UploadFile) Certificates() (certs []*x509.Certificate, err error) {
	return f.certificates(false)
}

// certificates is Certificates; a strict one refuses what would be left out.
func (f UploadFile) certificates(strict bool) (certs []*x509.Certificate, err error) {
	for _, u := range f.read() {
		if u.problem != "" {
			return nil, apperr.Refused("%q: %s", u.name, u.problem)
		}
		if strict && u.skipped != "" {
			return nil, apperr.Refused("%q: %s", u.name, u.skipped)
		}
		certs = append(certs, u.certs...)
	}
	return certs, nil
}
