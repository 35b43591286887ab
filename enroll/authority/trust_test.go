package authority_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"capf/crypto"
	"capf/enroll/authority"
	"capf/enroll/secrets"
	"capf/internal/apperr"
	"capf/internal/serialnumber"
	"capf/store"
)

// trustTime is when the tests of the trust stores take place.
var trustTime = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// house is a database.
type house struct {
	Store  *store.Store
	Sealer *crypto.Sealer
}

func now() time.Time { return trustTime }

func (h house) capf() authority.CAPF {
	return authority.CAPF{Store: h.Store, Sealer: h.Sealer, Now: now, Rand: rand.Reader}
}

func (h house) stores() authority.TrustStores { return authority.TrustStores{Store: h.Store, Now: now} }

// newHouse makes a database with a CAPF certificate.
func newHouse(t *testing.T) house {
	t.Helper()
	dir := t.TempDir()
	s, err := store.Create(t.Context(), filepath.Join(dir, "capf.db"), store.Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	sealer, err := secrets.CreateSealer(t.Context(), s, filepath.Join(dir, "capf.master-key"))
	if err != nil {
		t.Fatal(err)
	}
	r := house{s, sealer}
	if _, err := r.capf().Init(t.Context(), jane, crypto.Name{Organization: "Acme", Country: "DE"}, 2048); err != nil {
		t.Fatal(err)
	}
	return r
}

var jane = store.Actor{Kind: store.Operator, Name: "jane"}

// issued is a certificate with its key.
type issued struct {
	*x509.Certificate
	key any
}

var trustSerial atomic.Int64

// issue makes a certificate, self-signed without a parent, that edit may change.
func issue(t *testing.T, cn string, parent *issued, edit ...func(*x509.Certificate)) *issued {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return issueFor(t, cn, key, &key.PublicKey, parent, edit...)
}

func issueFor(t *testing.T, cn string, key, public any, parent *issued, edit ...func(*x509.Certificate)) *issued {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(trustSerial.Add(1)), Subject: pkix.Name{CommonName: cn},
		NotBefore: trustTime.AddDate(-1, 0, 0), NotAfter: trustTime.AddDate(1, 0, 0),
	}
	for _, e := range edit {
		e(template)
	}
	by := parent
	if by == nil {
		by = &issued{template, key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by.Certificate, public, by.key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &issued{c, key}
}

func ca(c *x509.Certificate) {
	c.BasicConstraintsValid, c.IsCA, c.KeyUsage = true, true, x509.KeyUsageCertSign
}

// capf makes of a template what the CAPF certificate has to be.
func capf(c *x509.Certificate) {
	c.BasicConstraintsValid, c.IsCA, c.MaxPathLenZero = true, true, true
	c.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
}

func over(c *x509.Certificate) { c.NotAfter = trustTime.Add(-time.Hour) }

func pem(certs ...*issued) []byte {
	var out []byte
	for _, c := range certs {
		out = append(out, crypto.CertificatePEM(c.Raw)...)
	}
	return out
}

var both = []store.Purpose{store.CAPFTrust, store.CallManagerTrust}

// outcomes words the rows of an upload.
func outcomes(rows []authority.UploadRow) string {
	var words []string
	for _, r := range rows {
		words = append(words, fmt.Sprintf("%s/%s %s", r.File, r.Purpose, r.Outcome))
	}
	return strings.Join(words, ", ")
}

func TestUploadTwice(t *testing.T) {
	t.Parallel()
	r := newHouse(t)
	root, web := issue(t, "Root", nil, ca), issue(t, "ca.example.com", nil)
	files := []authority.UploadFile{
		{Name: "root", Data: pem(root), Purposes: both},
		{Name: "web", Data: web.Raw, Purposes: both[:1]},
	}
	for _, step := range []struct {
		dry  bool
		want string
	}{
		{true, "root/capf-trust added, root/callmanager-trust added, web/capf-trust added"},
		{false, "root/capf-trust added, root/callmanager-trust added, web/capf-trust added"},
		{false, "root/capf-trust already there, root/callmanager-trust already there, web/capf-trust already there"},
		{true, "root/capf-trust already there, root/callmanager-trust already there, web/capf-trust already there"},
	} {
		h := r
		if step.dry {
			h.Store = h.Store.Rehearsal()
		}
		rows, err := h.stores().Upload(t.Context(), jane, files, authority.UploadOptions{Description: "ours"})
		if err != nil {
			t.Fatal(err)
		}
		if got := outcomes(rows); got != step.want {
			t.Errorf("got %s, want %s", got, step.want)
		}
	}
	stored, err := r.Store.Trust(t.Context(), "")
	if err != nil || len(stored) != 3 || stored[0].Description != "ours" {
		t.Errorf("stored are %+v, %v", stored, err)
	}
}

// TestUploadRefusals holds every refusal of an upload with its reason, and that
// nothing is stored of an upload with one.
func TestUploadRefusals(t *testing.T) {
	t.Parallel()
	root := issue(t, "Root", nil, ca)
	key, err := crypto.PrivateKeyPEM(rsaKey(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name    string
		data    []byte
		purpose store.Purpose
		foreign bool
		want    string
	}{
		{"reserved name", pem(issue(t, "My CAPF-CA", nil, ca)), store.CAPFTrust, false, "contains CAPF-, which is reserved"},
		{"reserved name in the other store", pem(issue(t, "CAPF-12345678", nil, ca)), store.CallManagerTrust, false, "reserved"},
		{"expired", pem(issue(t, "Old Root", nil, ca, over)), store.CAPFTrust, false, `"Old Root" has expired on 2026-11-22`},
		{"not a CA", pem(issue(t, "www.example.com", nil)), store.CallManagerTrust, false, "is not a CA"},
		{"neither CA nor web server", pem(issue(t, "a person", nil, func(c *x509.Certificate) {
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection}
		})), store.CAPFTrust, false, "neither a CA nor the certificate of an HTTPS server"},
		{"wildcard", pem(issue(t, "*.example.com", nil)), store.CAPFTrust, false, "wildcard subject"},
		{"wildcard name", pem(issue(t, "web", nil, func(c *x509.Certificate) { c.DNSNames = []string{"*.example.com"} })), store.CAPFTrust, false, "wildcard name"},
		{"private key", key, store.CAPFTrust, false, "private key"},
		{"private key behind a certificate", append(pem(root), key...), store.CAPFTrust, true, "private key"},
		{"not parsable", []byte("hello"), store.CAPFTrust, false, "neither PEM nor DER"},
		{"damaged", pem(root)[:200], store.CAPFTrust, false, "damaged"},
		{"empty", []byte("\n"), store.CAPFTrust, false, "empty"},
		{"second of a chain", pem(root, issue(t, "Old Root", nil, ca, over)), store.CAPFTrust, false, "1 of 2 certificates or files cannot be taken"},
	} {
		r := newHouse(t)
		rows, err := r.stores().Upload(t.Context(), jane, []authority.UploadFile{{Name: "f", Data: test.data, Purposes: []store.Purpose{test.purpose}}},
			authority.UploadOptions{ForeignCAPF: test.foreign})
		if !errors.Is(err, apperr.ErrRefused) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %s", test.name, err, test.want)
		}
		if len(rows) == 0 || rows[len(rows)-1].Outcome != authority.UploadRefused || rows[len(rows)-1].Reason == "" {
			t.Errorf("%s: the rows are %+v", test.name, rows)
		}
		if stored, err := r.Store.Trust(t.Context(), ""); err != nil || len(stored) > 0 {
			t.Errorf("%s: %d certificates are stored, %v", test.name, len(stored), err)
		}
	}
}

func TestUploadForeignCAPF(t *testing.T) {
	t.Parallel()
	r := newHouse(t)
	files := []authority.UploadFile{{Name: "f", Data: pem(issue(t, "CAPF-0a1b2c3d", nil, capf)), Purposes: both[:1]}}
	if _, err := r.stores().Upload(t.Context(), jane, files, authority.UploadOptions{}); !errors.Is(err, apperr.ErrRefused) {
		t.Errorf("without the mark: %v", err)
	}
	rows, err := r.stores().Upload(t.Context(), jane, files, authority.UploadOptions{ForeignCAPF: true})
	if err != nil || rows[0].Outcome != authority.UploadAdded {
		t.Errorf("got %+v, %v", rows, err)
	}
}

// TestOurCAPFAsForeign: a CAPF certificate of ours, present or earlier, is no other
// cluster's, so that accept_unrecorded_lsc stands; and one that vouches for
// something else when it is retired vouches for LSCs then.
func TestOurCAPFAsForeign(t *testing.T) {
	t.Parallel()
	r := newHouse(t)
	present, err := r.capf().Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	leaf := present.Leaf()
	files := []authority.UploadFile{{Name: "own", Data: pem(&issued{leaf, nil}), Purposes: both[:1]}}
	rows, err := r.stores().Upload(t.Context(), jane, files, authority.UploadOptions{ForeignCAPF: true})
	if !errors.Is(err, apperr.ErrRefused) || !strings.Contains(rows[0].Reason, "a CAPF certificate of our own") {
		t.Errorf("the present one: %+v, %v", rows, err)
	}
	// An earlier capf took it.
	sum := sha256.Sum256(leaf.Raw)
	_, _, err = r.Store.AddTrusts(t.Context(), jane, []store.NewTrust{{TrustCertificate: store.TrustCertificate{Purpose: store.CAPFTrust,
		Subject: leaf.Subject.String(), Issuer: leaf.Issuer.String(), Serial: serialnumber.Text(leaf.SerialNumber), NotBefore: leaf.NotBefore, NotAfter: leaf.NotAfter,
		Certificate: leaf.Raw, Fingerprint: sum[:], For: store.ForForeignLSC}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.capf().Regenerate(t.Context(), jane, nil, 2048, authority.Delay{}); err != nil {
		t.Fatal(err)
	}
	trust, err := r.Store.Trust(t.Context(), store.CAPFTrust)
	if err != nil || len(trust) != 1 || trust[0].For != store.ForLSC {
		t.Fatalf("the earlier one: %+v, %v", trust, err)
	}
}

func TestHeldBack(t *testing.T) {
	t.Parallel()
	r := newHouse(t)
	rows, err := r.stores().Upload(t.Context(), jane, []authority.UploadFile{
		{Name: "good", Data: pem(issue(t, "Root", nil, ca)), Purposes: both[:1]},
		{Name: "bad", Data: []byte("x"), Purposes: both},
	}, authority.UploadOptions{})
	if got := outcomes(rows); !errors.Is(err, apperr.ErrRefused) || got != "good/capf-trust not stored, bad/ refused" {
		t.Errorf("got %s, %v", got, err)
	}
}

// TestMICRoots uses both spellings of the vendor's four names, and near misses.
func TestMICRoots(t *testing.T) {
	t.Parallel()
	r := newHouse(t)
	var files []authority.UploadFile
	for _, cn := range []string{
		"CAP-RTP-001", "CAP-RTP-002", "Cisco_Manufacturing_CA", "Cisco Manufacturing CA", "Cisco_Root_CA_2048", "Cisco Root CA 2048",
		"CAP-RTP-003", "Cisco Root CA 2099", "Cisco Manufacturing CA SHA2",
	} {
		files = append(files, authority.UploadFile{Name: cn, Data: pem(issue(t, cn, nil, ca)), Purposes: both})
	}
	rows, err := r.stores().Upload(t.Context(), jane, files, authority.UploadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	warned := 0
	for _, row := range rows {
		if row.Warning != "" {
			warned++
		}
	}
	for _, p := range both {
		roots, err := authority.MICRoots(t.Context(), r.Store.Reader, p)
		if err != nil || len(roots) != 6 || warned != 6 {
			t.Errorf("%s: %d roots, %d warnings, %v; want 6", p, len(roots), warned, err)
		}
	}
}

// TestAdvice goes through the vendor's table of upload scenarios.
func TestAdvice(t *testing.T) {
	t.Parallel()
	root := issue(t, "Root", nil, ca)
	middle := issue(t, "Middle", root, ca)
	other := issue(t, "Other Root", nil, ca)
	for _, test := range []struct {
		name      string
		ca, https []*issued
		scenario  int
		needs     string
		note      string
	}{
		{"the same", []*issued{root}, []*issued{root}, 1, "Root capf-trust, Root callmanager-trust", ""},
		{"by the root", []*issued{root}, []*issued{issue(t, "web", root)}, 2, "Root capf-trust, Root callmanager-trust", ""},
		{"by an intermediate", []*issued{root, middle}, []*issued{issue(t, "web", middle)}, 3, "Root capf-trust, Root callmanager-trust", `has to send "Middle" along`},
		{"by an intermediate that the server sends", []*issued{root}, []*issued{issue(t, "web", middle), middle}, 3, "Root capf-trust, Root callmanager-trust", `has to send "Middle" along`},
		{"different, self-signed", []*issued{root}, []*issued{issue(t, "web", nil)}, 4, "Root capf-trust, Root callmanager-trust, web capf-trust", ""},
		{"different, by another root", []*issued{root}, []*issued{issue(t, "web", other)}, 4, "Root capf-trust, Root callmanager-trust, web capf-trust", "add its certificate to the file"},
		{"by an intermediate that is not shown", []*issued{root}, []*issued{issue(t, "web", middle)}, 4, "Root capf-trust, Root callmanager-trust, web capf-trust", "add its certificate to the file"},
		{"expired", []*issued{root}, []*issued{issue(t, "web", root, over)}, 2, "Root capf-trust, Root callmanager-trust", "expired on 2026-11-22"},
	} {
		r := newHouse(t)
		advise := func() authority.TrustAdvice {
			a, err := r.stores().Advise(t.Context(), plain(test.ca), plain(test.https))
			if err != nil {
				t.Fatalf("%s: %v", test.name, err)
			}
			return a
		}
		a := advise()
		var needs []string
		for _, n := range a.Missing() {
			needs = append(needs, n.Certificate.Subject.CommonName+" "+string(n.Purpose))
		}
		if got := strings.Join(needs, ", "); a.Scenario != test.scenario || got != test.needs {
			t.Errorf("%s: scenario %d (%s), %s; want %d, %s", test.name, a.Scenario, a.Text, got, test.scenario, test.needs)
		}
		if notes := strings.Join(a.Notes, "\n"); !strings.Contains(notes, test.note) || test.note == "" && notes != "" {
			t.Errorf("%s: the notes are %q", test.name, notes)
		}
		for _, n := range a.Missing() {
			_, err := r.stores().Upload(t.Context(), jane, []authority.UploadFile{{Name: "x", Data: n.Certificate.Raw, Purposes: []store.Purpose{n.Purpose}}}, authority.UploadOptions{})
			if err != nil {
				t.Errorf("%s: following the advice: %v", test.name, err)
			}
		}
		if left := advise().Missing(); len(left) > 0 {
			t.Errorf("%s: %d are missing after following the advice", test.name, len(left))
		}
	}
}

func plain(list []*issued) []*x509.Certificate {
	var certs []*x509.Certificate
	for _, c := range list {
		certs = append(certs, c.Certificate)
	}
	return certs
}

func rsaKey(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
