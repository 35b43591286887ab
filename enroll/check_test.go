package enroll

import (
	"crypto/x509"
	"path/filepath"
	"testing"
	"time"
)

// TestCheckOldCertificates: some CAs let a validity begin with the year 1970,
// the zero of many clocks, and nothing is wrong with that.
func TestCheckOldCertificates(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	epoch := func(c *x509.Certificate) { c.NotBefore = time.Unix(0, 0) }
	old := &x509.Certificate{
		SerialNumber: d.root.SerialNumber, Subject: d.root.Subject, NotAfter: noon.AddDate(9, 0, 0),
		KeyUsage: x509.KeyUsageCertSign, BasicConstraintsValid: true, IsCA: true,
	}
	epoch(old)
	d.root = &testCA{d.create(old, &testCA{old, d.root.key}, d.root.key.Public()), d.root.key}
	d.trusts(d.root, d.ca)
	d.bring(der(d.sign(d.request("a"), epoch)))
	for f, err := range d.Check(t.Context(), filepath.Join(t.TempDir(), "key"), nil) {
		if err != nil || !f.Passing {
			t.Errorf("%+v, %v", f, err)
		}
	}
}
