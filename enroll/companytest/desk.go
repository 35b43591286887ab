// Package companytest is a company that certifies the keys of its phones by
// files, for the tests of the rooms that read such certificates: a database with
// requests, a CA with a root and an intermediate, and certificates in every
// container and encoding. It is nothing that capf does, so it uses the store and
// no rule.
package companytest

import (
	"cmp"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	capfcrypto "capf/crypto"
	"capf/enroll/settings"
	"capf/internal/serialnumber"
	"capf/store"
)

// Noon is when the tests take place.
func Noon() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }

// Olga is the operator.
func Olga() store.Actor {
	return store.Actor{Kind: store.Operator, Name: "olga", Command: "capf offline import"}
}

// Desk is a database with the requests that phones have sent, and a CA with a
// root and an intermediate that is not ours.
type Desk struct {
	testing.TB
	Store    *store.Store
	Now      func() time.Time
	Root, CA *CA
	Issuer   string // of requests; empty is the offline CA
	serial   *atomic.Int64
}

// CA is a CA certificate with its key.
type CA struct {
	*x509.Certificate
	Key crypto.Signer
}

// New makes a desk at noon.
func New(t testing.TB) *Desk {
	t.Helper()
	return NewAt(t, Noon)
}

// NewAt is New with a clock.
func NewAt(t testing.TB, now func() time.Time) *Desk {
	t.Helper()
	s, err := store.Create(t.Context(), filepath.Join(t.TempDir(), "capf.db"), store.Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	d := &Desk{TB: t, Store: s, Now: now, serial: new(atomic.Int64)}
	d.serial.Store(0x1000)
	d.Root = d.NewCA("Company Root", nil)
	d.CA = d.NewCA("Company Issuing", d.Root)
	return d
}

// For is the desk in a subtest.
func (d *Desk) For(t testing.TB) *Desk {
	sub := *d
	sub.TB = t
	return &sub
}

// NewCA makes a CA below the parent, or a root.
func (d *Desk) NewCA(cn string, parent *CA) *CA {
	d.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		d.Fatal(err)
	}
	t := &x509.Certificate{
		SerialNumber: big.NewInt(d.Serial()), Subject: pkix.Name{CommonName: cn, Organization: []string{"Company"}},
		NotBefore: Noon().AddDate(-1, 0, 0), NotAfter: Noon().AddDate(9, 0, 0),
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, BasicConstraintsValid: true, IsCA: true,
	}
	self := &CA{t, key}
	if parent == nil {
		parent = self
	}
	return &CA{d.Create(t, parent, key.Public()), key}
}

// Serial is a serial number that no certificate has yet.
func (d *Desk) Serial() int64 {
	return d.serial.Add(1)
}

// Create has the parent sign a certificate.
func (d *Desk) Create(t *x509.Certificate, parent *CA, public any) *x509.Certificate {
	d.Helper()
	der, err := x509.CreateCertificate(rand.Reader, t, parent.Certificate, public, parent.Key)
	if err != nil {
		d.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		d.Fatal(err)
	}
	return c
}

// Trust puts the CAs into both trust stores, where they vouch for LSCs.
func (d *Desk) Trust(certs ...*CA) {
	d.Helper()
	for _, c := range certs {
		d.TrustFor(c.Certificate, store.CAPFTrust)
		d.TrustFor(c.Certificate, store.CallManagerTrust)
	}
}

// TrustFor puts a certificate into one trust store.
func (d *Desk) TrustFor(c *x509.Certificate, p store.Purpose) {
	d.Helper()
	row := store.TrustCertificate{
		Purpose: p, Subject: c.Subject.String(), Issuer: c.Issuer.String(), Serial: serialnumber.Text(c.SerialNumber),
		NotBefore: c.NotBefore, NotAfter: c.NotAfter, Certificate: c.Raw, Fingerprint: capfcrypto.RawFingerprint(c.Raw),
		For: store.ForLSC,
	}
	if _, _, err := d.Store.AddTrusts(d.Context(), Olga(), []store.NewTrust{{TrustCertificate: row}}); err != nil {
		d.Fatal(err)
	}
}

// Trusted are the certificates of capf-trust.
func (d *Desk) Trusted() (all []*x509.Certificate) {
	d.Helper()
	rows, err := d.Store.Trust(d.Context(), store.CAPFTrust)
	if err != nil {
		d.Fatal(err)
	}
	for _, row := range rows {
		c, err := x509.ParseCertificate(row.Certificate)
		if err != nil {
			d.Fatal(err)
		}
		all = append(all, c)
	}
	return all
}

// Request is that of a phone which has just made an EC key; a device that is
// not there yet is added.
func (d *Desk) Request(device string) store.Request {
	d.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		d.Fatal(err)
	}
	return d.RequestFor(device, capfcrypto.EC256, key)
}

// RequestFor is Request for a key.
func (d *Desk) RequestFor(device string, kind capfcrypto.KeyKind, key crypto.Signer) store.Request {
	d.Helper()
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		d.Fatal(err)
	}
	row, err := d.Store.Device(d.Context(), device)
	if err != nil {
		row, err = d.Store.AddDevice(d.Context(), Olga(), store.Device{
			Name: device, SecurityMode: store.Nonsecure, IPMode: store.TwoStack, Operation: store.Install, AuthMode: store.ByNullString,
			KeyOrder: store.RSAOnly, RSABits: 2048, ECBits: 384, Status: store.StatusPending,
		})
		if err != nil {
			d.Fatal(err)
		}
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: device}}, key)
	if err != nil {
		d.Fatal(err)
	}
	hash := capfcrypto.KeyHash(spki)
	r, err := d.Store.SubmitRequest(d.Context(), store.Actor{Kind: store.Phone, Name: device}, store.Request{
		DeviceID: row.ID, Device: row.Name, Schedule: row.Schedule, Issuer: cmp.Or(d.Issuer, settings.IssuerOffline), KeyKind: string(kind),
		KeyHash: hash[:], PublicKey: spki, CSR: csr, Possessed: true,
	})
	if err != nil {
		d.Fatal(err)
	}
	return r
}

// Sign makes the certificate for a request, as a CA that does everything right
// but for the edits.
func (d *Desk) Sign(r store.Request, edits ...func(*x509.Certificate)) *x509.Certificate {
	d.Helper()
	return d.SignBy(d.CA, r, edits...)
}

// SignBy is Sign by another CA.
func (d *Desk) SignBy(ca *CA, r store.Request, edits ...func(*x509.Certificate)) *x509.Certificate {
	d.Helper()
	public, err := x509.ParsePKIXPublicKey(r.PublicKey)
	if err != nil {
		d.Fatal(err)
	}
	t := &x509.Certificate{
		SerialNumber: big.NewInt(d.Serial()), Subject: pkix.Name{CommonName: r.Device}, DNSNames: []string{r.Device},
		NotBefore: Noon().Add(-time.Hour), NotAfter: Noon().AddDate(1, 0, 0), BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
	}
	for _, edit := range edits {
		edit(t)
	}
	return d.Create(t, ca, public)
}

// Facts is what an import may change: how many requests wait, LSCs there are,
// and events have been written.
func (d *Desk) Facts() string {
	d.Helper()
	waiting, err := d.Store.CountRequests(d.Context(), store.RequestFilter{State: store.RequestPending})
	if err != nil {
		d.Fatal(err)
	}
	lscs, err := d.Store.CountLSCs(d.Context(), store.LSCFilter{})
	if err != nil {
		d.Fatal(err)
	}
	end, err := d.Store.ChainEnd(d.Context())
	if err != nil {
		d.Fatal(err)
	}
	return fmt.Sprintf("%d requests wait, %d LSCs, %d events", waiting, lscs, end.ID)
}
