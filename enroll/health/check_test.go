package health_test

import (
	"bytes"
	"crypto/x509"
	"path/filepath"
	"testing"
	"time"

	"capf/enroll/archive"
	"capf/enroll/companytest"
	"capf/enroll/health"
	"capf/enroll/offline"
	"capf/store"
)

// TestCheckOldCertificates: some CAs let a validity begin with the year 1970,
// the zero of many clocks, and nothing is wrong with that.
func TestCheckOldCertificates(t *testing.T) {
	t.Parallel()
	d := companytest.New(t)
	epoch := func(c *x509.Certificate) { c.NotBefore = time.Unix(0, 0) }
	old := &x509.Certificate{
		SerialNumber: d.Root.SerialNumber, Subject: d.Root.Subject, NotAfter: companytest.Noon().AddDate(9, 0, 0),
		KeyUsage: x509.KeyUsageCertSign, BasicConstraintsValid: true, IsCA: true,
	}
	epoch(old)
	d.Root = &companytest.CA{Certificate: d.Create(old, &companytest.CA{Certificate: old, Key: d.Root.Key}, d.Root.Key.Public()), Key: d.Root.Key}
	d.Trust(d.Root, d.CA)
	bring(d, d.Sign(d.Request("a"), epoch))
	for f, err := range health.Check(t.Context(), d.Store.Reader, d.Now(), filepath.Join(t.TempDir(), "key"), nil) {
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
		d := companytest.New(t)
		signer := d.CA
		if forged {
			key := d.NewCA("", nil).Key
			signer = &companytest.CA{Certificate: d.Create(d.CA.Certificate, d.Root, key.Public()), Key: key}
		}
		d.Trust(d.Root, signer)
		bring(d, d.SignBy(signer, d.Request("a")))
		trusted, err := d.Store.Trust(t.Context(), store.CAPFTrust)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range trusted {
			if err := d.Store.DeleteTrust(t.Context(), companytest.Olga(), c.ID); err != nil {
				t.Fatal(err)
			}
		}
		d.TrustFor(d.CA.Certificate, store.CAPFTrust)
		found, want := "", ""
		for f, err := range health.Check(t.Context(), d.Store.Reader, d.Now(), filepath.Join(t.TempDir(), "key"), nil) {
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

// bring imports the certificate of a request.
func bring(d *companytest.Desk, c *x509.Certificate) {
	d.Helper()
	source := archive.Stream("good.der", bytes.NewReader(c.Raw))
	report, err := offline.CA{Store: d.Store, Now: d.Now}.Import(d.Context(), companytest.Olga(), []archive.Source{source}, offline.ImportOptions{})
	if err != nil || report.Count(offline.Imported) != 1 {
		d.Fatalf("%+v, %v", report, err)
	}
}
