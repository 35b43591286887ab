package authority_test

import (
	"crypto/x509"
	"errors"
	"strings"
	"testing"

	"capf/crypto"
	"capf/enroll/authority"
	"capf/enroll/companytest"
	"capf/internal/apperr"
	"capf/internal/serialnumber"
	"capf/store"
)

// upload puts a certificate into capf-trust and callmanager-trust, and returns the
// row of each.
func upload(t *testing.T, r house, c *issued, o authority.UploadOptions) []authority.UploadRow {
	t.Helper()
	rows, err := r.stores().Upload(t.Context(), jane, []authority.UploadFile{{Name: "f", Data: pem(c), Purposes: both}}, o)
	if err != nil || len(rows) != 2 {
		t.Fatalf("%s, %v", outcomes(rows), err)
	}
	return rows
}

// inCAPFTrust is the only certificate there.
func inCAPFTrust(t *testing.T, r house) store.TrustCertificate {
	t.Helper()
	all, err := r.Store.Trust(t.Context(), store.CAPFTrust)
	if err != nil || len(all) != 1 {
		t.Fatalf("in capf-trust are %+v, %v", all, err)
	}
	return all[0]
}

// TestUploadAgain: an upload that says nothing of uses leaves those that are there.
func TestUploadAgain(t *testing.T) {
	t.Parallel()
	r := newHouse(t)
	root := issue(t, "Root", nil, ca)
	unused := authority.TrustRow(root.Certificate, store.CAPFTrust, "", 0) // the update of a database leaves such
	if _, _, err := r.Store.AddTrusts(t.Context(), jane, []store.NewTrust{{TrustCertificate: unused}}); err != nil {
		t.Fatal(err)
	}
	again := func(want store.Uses) {
		t.Helper()
		rows := upload(t, r, root, authority.UploadOptions{})
		if got := inCAPFTrust(t, r); got.For != want || rows[0].Outcome != authority.UploadKnown || rows[0].For != want {
			t.Errorf("it vouches for %q; %s", got.For, outcomes(rows))
		}
	}
	again(0)
	if rows := upload(t, r, root, authority.UploadOptions{For: store.ForHTTPS}); rows[0].Outcome != authority.UploadChanged || rows[0].For != store.ForHTTPS {
		t.Errorf("the change to %q: %s", rows[0].For, outcomes(rows))
	}
	again(store.ForHTTPS)
}

// TestUploadUses holds which uses an upload refuses, and of which it warns.
func TestUploadUses(t *testing.T) {
	t.Parallel()
	forServers := func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }
	for _, test := range []struct {
		name    string
		c       *issued
		options authority.UploadOptions
		refusal string
		warning string
	}{
		{"LSCs of another cluster as MICs", issue(t, "Root", nil, ca), authority.UploadOptions{For: store.ForMIC | store.ForForeignLSC}, "would pass for MICs", ""},
		{"LSCs of a web server", issue(t, "web", nil), authority.UploadOptions{For: store.ForLSC}, "is not a CA", ""},
		{"a CAPF certificate for MICs", issue(t, "CAPF-0a1b2c3d", nil, capf), authority.UploadOptions{For: store.ForMIC, ForeignCAPF: true}, "vouches for neither mic nor https", ""},
		{"an issuer for servers only", issue(t, "Server CA", nil, ca, forServers), authority.UploadOptions{}, "extendedKeyUsage without clientAuth", ""},
		{"an issuer for servers only, accepted", issue(t, "Server CA", nil, ca, forServers), authority.UploadOptions{AcceptEKU: true}, "", ""},
		{"an issuer for servers only that issues no LSCs", issue(t, "Server CA", nil, ca, forServers), authority.UploadOptions{For: store.ForHTTPS}, "", ""},
		{"a manufacturer nobody knows", issue(t, "Root", nil, ca), authority.UploadOptions{For: store.ForMIC}, "", "is not known as a manufacturer's"},
		{"a manufacturer", issue(t, "ACT2 SUDI CA", nil, ca), authority.UploadOptions{For: store.ForMIC}, "", ""},
	} {
		r := newHouse(t)
		files := []authority.UploadFile{{Name: "f", Data: pem(test.c), Purposes: both[:1]}}
		if test.refusal == "" {
			files[0].Purposes = both
		}
		rows, err := r.stores().Upload(t.Context(), jane, files, test.options)
		switch {
		case test.refusal != "":
			if !errors.Is(err, apperr.ErrRefused) || !strings.Contains(rows[0].Reason, test.refusal) {
				t.Errorf("%s: %s: %s, %v", test.name, outcomes(rows), rows[0].Reason, err)
			}
		case err != nil:
			t.Errorf("%s: %v", test.name, err)
		case test.warning == "" && rows[0].Warning != "" || !strings.Contains(rows[0].Warning, test.warning):
			t.Errorf("%s: the warning is %q", test.name, rows[0].Warning)
		case rows[1].Warning != "":
			t.Errorf("%s: uses are of capf-trust only, yet callmanager-trust has the warning %q", test.name, rows[1].Warning)
		}
	}
}

// TestCompanyCAKeepsItsUses: a company CA that has issued LSCs is no CAPF certificate of
// our own, so it may vouch for its web server too.
func TestCompanyCAKeepsItsUses(t *testing.T) {
	t.Parallel()
	d := companytest.New(t)
	d.Trust(d.CA)
	r := d.Request("SEP001122334455")
	c := d.Sign(r)
	given := false
	kept, err := d.Store.ImportLSCs(t.Context(), companytest.Olga(), func() (store.ImportedLSC, bool, error) {
		if given {
			return store.ImportedLSC{}, false, nil
		}
		given = true
		return store.ImportedLSC{RequestID: r.ID, LSC: store.LSC{
			Serial: serialnumber.Text(c.SerialNumber), Subject: c.Subject.String(), Issuer: c.Issuer.String(),
			NotBefore: c.NotBefore, NotAfter: c.NotAfter, Certificate: c.Raw, Fingerprint: crypto.RawFingerprint(c.Raw),
		}}, true, nil
	})
	if err != nil || kept.Issued != 1 {
		t.Fatalf("%+v, %v", kept, err)
	}
	stores := authority.TrustStores{Store: d.Store, Now: d.Now}
	files := []authority.UploadFile{{Name: "ca", Data: companytest.PEM(d.CA.Certificate), Purposes: both[:1]}}
	rows, err := stores.Upload(t.Context(), companytest.Olga(), files, authority.UploadOptions{For: store.ForLSC | store.ForHTTPS})
	if err != nil || rows[0].Outcome != authority.UploadChanged {
		t.Errorf("%s, %v", outcomes(rows), err)
	}
}
