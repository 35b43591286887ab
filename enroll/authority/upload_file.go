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
// archive of such files, and the trust stores that they are for.
type UploadFile struct {
	Name     string
	Data     []byte
	Purposes []store.Purpose
	Skipped  string // why it is left alone; it has no data then
	Refused  string // why it cannot be read; it has no data then
}

// uploaded is a file of an upload, or of an archive in it, that has been read.
type uploaded struct {
	name    string
	certs   []*x509.Certificate
	problem string // why it is refused
	skipped string // why it is left alone
}

// uploadLimits are what one archive of an upload may hold.
func uploadLimits() archive.Limits {
	return archive.Limits{File: certfile.MaxFile, Entries: 1000, Total: 64 << 20, Ratio: 200, Floor: 16 << 20}
}

// read takes a file apart.
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

// Certificates reads a file of which all has to be certificates; what is skipped in
// an archive by its name is left out. Errors are apperr.ErrRefused.
func (f UploadFile) Certificates() (certs []*x509.Certificate, err error) {
	for _, u := range f.read() {
		if u.problem != "" {
			return nil, apperr.Refused("%q: %s", u.name, u.problem)
		}
		certs = append(certs, u.certs...)
	}
	return certs, nil
}
