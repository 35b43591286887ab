package enroll

import (
	"crypto/x509"
	"path/filepath"
	"testing"
	"time"

	"capf/store"
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

// TestCheckForgedLSC has an LSC that names an issuer in capf-trust, which has
// not signed it.
func TestCheckForgedLSC(t *testing.T) {
	t.Parallel()
	for _, forged := range []bool{false, true} {
		d := newDesk(t)
		signer := d.ca
		if forged {
			key := d.newCA("", nil).key
			signer = &testCA{d.create(d.ca.Certificate, d.root, key.Public()), key}
		}
		d.trusts(d.root, signer)
		d.bring(der(d.signBy(signer, d.request("a"))))
		trusted, err := d.Store.Trust(t.Context(), store.CAPFTrust)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range trusted {
			if err := d.Store.DeleteTrust(t.Context(), olga, c.ID); err != nil {
				t.Fatal(err)
			}
		}
		if _, _, err := d.Store.AddTrusts(t.Context(), olga, []store.NewTrust{{TrustCertificate: trustRow(d.ca.Certificate, store.CAPFTrust, "", store.ForLSC)}}); err != nil {
			t.Fatal(err)
		}
		found, want := "", ""
		for f, err := range d.Check(t.Context(), filepath.Join(t.TempDir(), "key"), nil) {
			if err != nil {
				t.Fatal(err)
			}
			if !f.Passing {
				found += f.Text
			}
		}
		if forged {
			want = "its signature is not that of its issuer"
		}
		if found != want {
			t.Errorf("forged %t: found %q, want %q", forged, found, want)
		}
	}
}
