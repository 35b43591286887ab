package enroll

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"strings"

	"capf/crypto/certfile"
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

// NotCertificate says why a file is no certificate by its name, "" when it may
// be one.
func NotCertificate(name string) string {
	e := byName(name)
	return e.foreign + e.problem
}

// uploaded is a file of an upload, or of an archive in it, that has been read.
type uploaded struct {
	name    string
	certs   []*x509.Certificate
	problem string // why it is refused
	skipped string // why it is left alone
}

// uploadLimits are what one archive of an upload may hold.
func uploadLimits() limits {
	return limits{file: certfile.MaxFile, entries: 1000, total: 64 << 20, ratio: 200, floor: 16 << 20}
}

// read takes a file apart.
func (f UploadFile) read() []uploaded {
	if f.Skipped != "" || f.Refused != "" {
		return []uploaded{{name: f.Name, skipped: f.Skipped, problem: f.Refused}}
	}
	if !isArchiveData(f.Data) {
		u := uploaded{name: f.Name}
		var err error
		if u.certs, err = certfile.Parse(f.Data); err != nil {
			u.problem = err.Error()
		}
		return []uploaded{u}
	}
	var all []uploaded
	err := newCounter(uploadLimits()).walk(Stream(f.Name, bytes.NewReader(f.Data)), func(e entry) error {
		u := uploaded{name: f.Name + ": " + e.name, problem: e.problem, skipped: e.foreign}
		if e.name == f.Name {
			u.name = f.Name
		}
		if e.problem == "" && e.foreign == "" {
			var err error
			if u.certs, err = certfile.Certificates(e.data); err != nil {
				u.problem = err.Error()
			}
		}
		if u.problem != "" && e.block > 1 {
			u.problem = fmt.Sprintf("PEM block %d: %s", e.block, u.problem)
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
