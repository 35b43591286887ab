package tvs_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"slices"
	"testing"
	"time"

	"capf/crypto"
	"capf/enroll/authority"
	"capf/enroll/trustlist"
	"capf/enroll/tvs"
	"capf/store"
)

// certificate makes a self-signed certificate of a key of its own that ends at a time.
func certificate(t testing.TB, name string, ends time.Time) *x509.Certificate {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: ends}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (s site) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// trust puts a certificate into a trust store.
func (s site) trust(c *x509.Certificate, p store.Purpose) {
	s.Helper()
	_, _, err := s.Store.AddTrusts(s.Context(), s.Actor, []store.NewTrust{{TrustCertificate: authority.TrustRow(c, p, "", 0)}})
	s.must(err)
}

// member adds a certificate to the lists.
func (s site) member(c *x509.Certificate, role store.ListRole) {
	s.Helper()
	_, _, err := s.Store.AddListMembers(s.Context(), s.Actor, []store.ListMember{{Role: role, Subject: c.Subject.String(), Certificate: c.Raw, Fingerprint: crypto.Fingerprint(c)}})
	s.must(err)
}

func (s site) capf() *x509.Certificate {
	s.Helper()
	c, err := authority.Certificate(s.Context(), s.Store.Reader)
	s.must(err)
	return c
}

// TestVouch: each certificate is valid in exactly the roles in which the lists and the
// trust stores give it, and in no other; all others are not, and neither is one that has
// ended.
func TestVouch(t *testing.T) {
	t.Parallel()
	s := newSite(t, true)
	own, _, err := s.maker().Ensure(t.Context(), s.Actor)
	s.must(err)
	later := time.Now().AddDate(1, 0, 0)
	ccm, app, sast, other, both := certificate(t, "ccm", later), certificate(t, "app", later), certificate(t, "their SAST", later), certificate(t, "their TVS", later), certificate(t, "both", later)
	past, anchor := certificate(t, "past", time.Now().Add(-time.Hour)), certificate(t, "capf-trust", later)
	s.member(ccm, store.RoleCCMTFTP)
	s.member(app, store.RoleAppServer)
	s.member(both, store.RoleCCM)
	s.member(both, store.RoleAppServer)
	s.trust(both, store.TVSTrust)
	s.trust(sast, store.PhoneSASTTrust)
	s.trust(other, store.TVSTrust)
	s.trust(past, store.PhoneSASTTrust)
	s.trust(anchor, store.CAPFTrust)
	s.trust(anchor, store.CallManagerTrust)
	for _, c := range []struct {
		*x509.Certificate
		roles []trustlist.Role
	}{
		{s.capf(), []trustlist.Role{trustlist.RoleCAPF}},
		{own, []trustlist.Role{trustlist.RoleTVS}},
		{ccm, []trustlist.Role{trustlist.RoleCCMTFTP}},
		{app, []trustlist.Role{trustlist.RoleAppServer}},
		{both, []trustlist.Role{trustlist.RoleCCM, trustlist.RoleAppServer, trustlist.RoleTVS}},
		{sast, []trustlist.Role{trustlist.RoleSAST}},
		{other, []trustlist.Role{trustlist.RoleTVS}},
		{past, nil},
		{anchor, nil},
		{certificate(t, "stranger", later), nil},
	} {
		for _, q := range []trustlist.TVSQuestion{
			{Session: 7, Certificate: c.Raw},
			{Session: 7, Query: true, Certificate: c.Raw},
			{Session: 7, Query: true, Issuer: trustlist.Name(c.RawIssuer), Serial: c.SerialNumber.Bytes()},
			{Session: 7, Query: true, Issuer: trustlist.Name(c.RawIssuer), Serial: fmt.Appendf(nil, "%X\x00", c.SerialNumber)},
		} {
			a, err := tvs.Voucher{Store: s.Store.Reader, Now: time.Now}.Answer(t.Context(), q)
			s.must(err)
			if a.Session != 7 || a.Query != q.Query || a.Valid != (c.roles != nil) || !slices.Equal(a.Roles, c.roles) || (a.Certificate != nil) != (a.Valid && q.Query) {
				t.Errorf("%s: %+v", c.Subject, a)
			}
			if a.Valid && (a.Keep <= 0 || a.Keep > time.Hour) {
				t.Errorf("%s: phones may keep it for %s", c.Subject, a.Keep)
			}
		}
	}
}

// TestVouchForNameOnly: who makes a certificate with the issuer and the serial number of
// one of ours gets nothing for it.
func TestVouchForNameOnly(t *testing.T) {
	t.Parallel()
	s := newSite(t, true)
	ours := s.capf()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	s.must(err)
	template := &x509.Certificate{SerialNumber: ours.SerialNumber, RawSubject: ours.RawSubject, NotBefore: ours.NotBefore, NotAfter: ours.NotAfter}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	s.must(err)
	for _, q := range []trustlist.TVSQuestion{{Certificate: der}, {Query: true, Certificate: der},
		{Query: true, Certificate: der, Issuer: trustlist.Name(ours.RawIssuer), Serial: ours.SerialNumber.Bytes()}} {
		if a, err := (tvs.Voucher{Store: s.Store.Reader, Now: time.Now}).Answer(t.Context(), q); err != nil || a.Valid {
			t.Errorf("%+v, %v", a, err)
		}
	}
}

// TestKeep: phones ask again soon while lists are new, and never keep an answer for
// longer than the certificate lasts.
func TestKeep(t *testing.T) {
	t.Parallel()
	s := newSite(t, true)
	ends := time.Now().AddDate(0, 0, 3).Truncate(time.Second)
	c := certificate(t, "ccm", ends)
	s.member(c, store.RoleCCM)
	for _, test := range []struct {
		at   time.Time
		want time.Duration
	}{
		{time.Now(), 5 * time.Minute},
		{time.Now().Add(-time.Hour), 5 * time.Minute}, // the clock was set back
		{time.Now().AddDate(0, 0, 2), time.Hour},
		{ends.Add(-time.Minute), time.Minute},
		{ends, 0},
	} {
		a, err := tvs.Voucher{Store: s.Store.Reader, Now: func() time.Time { return test.at }}.Answer(t.Context(), trustlist.TVSQuestion{Certificate: c.Raw})
		if err != nil || !a.Valid || a.Keep != test.want {
			t.Errorf("at %s: %+v, %v", test.at, a, err)
		}
	}
}
