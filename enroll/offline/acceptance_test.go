package offline

import (
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"capf/enroll/acceptance"
	"capf/enroll/archive"
	"capf/enroll/authority"
	"capf/enroll/settings"
	"capf/store"
)

// TestOneRule holds that a certificate is judged alike whether an online CA
// returns it or somebody brings it, and that csr show warns of the same.
func TestOneRule(t *testing.T) {
	t.Parallel()
	servers := func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }
	for i, test := range []struct {
		name   string
		edit   func(*x509.Certificate)
		set    string // a parameter and its value
		refuse string // a part of the reason
		warn   string // a part of the warning
	}{
		{name: "good", edit: func(*x509.Certificate) {}},
		{name: "outlives", edit: func(c *x509.Certificate) { c.NotAfter = noon.AddDate(20, 0, 0) }, warn: "it outlives its issuer, which ends on 2035-11-22"},
		{name: "servers", edit: servers, refuse: "extendedKeyUsage without clientAuth"},
		{name: "servers allowed", edit: servers, set: "require_client_auth false"},
		{name: "any", edit: func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageAny} }},
		{name: "another's SAN", edit: func(c *x509.Certificate) { c.DNSNames = []string{"ca.example.com"} }, refuse: `names "ca.example.com"`},
		{name: "CA", edit: func(c *x509.Certificate) { c.IsCA = true }, refuse: "is a CA's"},
		{name: "usages", edit: func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment }, refuse: "keyUsage without digitalSignature"},
		{name: "expired", edit: func(c *x509.Certificate) { c.NotAfter = noon.Add(-time.Minute) }, refuse: "has expired"},
		{name: "ahead", edit: func(c *x509.Certificate) { c.NotBefore = noon.Add(4 * time.Minute) }},
		{name: "too far ahead", edit: func(c *x509.Certificate) { c.NotBefore = noon.Add(6 * time.Minute) }, refuse: "is not valid before"},
		{name: "ahead, no tolerance", edit: func(c *x509.Certificate) { c.NotBefore = noon.Add(4 * time.Minute) }, set: "clock_tolerance 0", refuse: "is not valid before"},
		{name: "lower case", edit: func(c *x509.Certificate) { c.Subject.CommonName = strings.ToLower(c.Subject.CommonName) }, warn: "is written otherwise"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			d.Trust(d.Root, d.CA)
			if name, value, ok := strings.Cut(test.set, " "); ok {
				if _, err := settings.Set(t.Context(), d.Store, olga, name, value); err != nil {
					t.Fatal(err)
				}
			}
			request := d.Request(fmt.Sprintf("SEP0000000000%02d", i))
			lsc := d.Sign(request, test.edit)

			inForce, err := settings.Read(t.Context(), d.Store.Reader)
			if err != nil {
				t.Fatal(err)
			}
			online := acceptance.Rule{Trusted: d.Trusted(), Now: d.Now(), Leniency: inForce.Online.Leniency}.Judge(request.CSR, request.Device, lsc.Raw, nil)
			var row Row
			if _, err := d.offline().Import(t.Context(), olga, []archive.Source{Bytes("x.der", lsc.Raw)}, ImportOptions{Row: func(r Row) error { row = r; return nil }}); err != nil {
				t.Fatal(err)
			}
			doubts, err := acceptance.Doubts(t.Context(), d.Store.Reader, request)
			if err != nil {
				t.Fatal(err)
			}
			if test.refuse != "" {
				if row.Outcome != Refused || row.Reason != online.Unfit || !strings.Contains(row.Reason, test.refuse) || doubts != nil {
					t.Errorf("offline %s (%s), online %q, then %q", row.Outcome, row.Reason, online.Unfit, doubts)
				}
				return
			}
			if row.Outcome != Imported || online.Unfit != "" || row.Reason != doubtsWarning(online.Doubts) || !slices.Equal(doubts, online.Doubts) ||
				(test.warn == "") != (row.Reason == "") || !strings.Contains(row.Reason, test.warn) {
				t.Errorf("offline %s (%s), online %q and %q, then %q", row.Outcome, row.Reason, online.Unfit, online.Doubts, doubts)
			}
		})
	}
}

// TestIssuerBetween holds that a CA certificate which an online CA sends along is held
// against what one that is uploaded has to be.
func TestIssuerBetween(t *testing.T) {
	t.Parallel()
	servers := func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }
	for _, test := range []struct {
		name         string
		edit         func(*x509.Certificate)
		uploaded     bool // with --accept-eku
		set, refused string
	}{
		{name: "for all", edit: func(*x509.Certificate) {}},
		{name: "servers alone", edit: servers, refused: `"Company Second" has an extendedKeyUsage without clientAuth`},
		{name: "servers alone, accepted", edit: servers, uploaded: true},
		{name: "servers alone, no client needed", edit: servers, set: "require_client_auth false"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			d.Trust(d.Root)
			second := d.NewCA("Company Second", d.Root)
			test.edit(second.Certificate)
			second.Certificate = d.Create(second.Certificate, d.Root, second.Key.Public())
			if name, value, ok := strings.Cut(test.set, " "); ok {
				if _, err := settings.Set(t.Context(), d.Store, olga, name, value); err != nil {
					t.Fatal(err)
				}
			}
			if test.uploaded {
				file := authority.UploadFile{Name: "second.der", Data: second.Raw, Purposes: []store.Purpose{store.CAPFTrust}}
				if _, err := d.trustStores().Upload(t.Context(), olga, []authority.UploadFile{file}, authority.UploadOptions{AcceptEKU: true}); err != nil {
					t.Fatal(err)
				}
			}
			inForce, err := settings.Read(t.Context(), d.Store.Reader)
			if err != nil {
				t.Fatal(err)
			}
			request := d.Request("SEP000000000001")
			got := acceptance.Rule{Trusted: d.Trusted(), Now: d.Now(), Leniency: inForce.Online.Leniency}.Judge(request.CSR, request.Device, d.SignBy(second, request).Raw, [][]byte{second.Raw})
			if (test.refused == "") != (got.Unfit == "") || !strings.Contains(got.Unfit, test.refused) || (got.Unfit != "") != strings.Contains(got.Advice, "--accept-eku") {
				t.Errorf("%q; %q", got.Unfit, got.Advice)
			}
		})
	}
}
