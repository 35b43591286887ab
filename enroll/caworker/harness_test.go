package caworker

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"capf/crypto"
	"capf/enroll"
	"capf/enroll/settings"
	"capf/store"
)

var (
	noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	olga = store.Actor{Kind: store.Operator, Name: "olga"}
)

// office is a database whose online CA no test reaches.
type office struct {
	testing.TB
	*enroll.Rules
}

func newOffice(t testing.TB, now func() time.Time) *office {
	t.Helper()
	s, err := store.Create(t.Context(), filepath.Join(t.TempDir(), "capf.db"), store.Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return &office{t, &enroll.Rules{Store: s, Now: now, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler)}}
}

func (o *office) ca() CA { return CA{Store: o.Store, Now: o.Now, Rand: o.Rand, Log: o.Rules.Log} }

// request is that of a phone for the online CA.
func (o *office) request(device string) store.Request {
	o.Helper()
	install := store.Install
	row, _, err := o.AddDevice(o.Context(), olga, device, enroll.DeviceEdit{Operation: &install})
	if err != nil {
		o.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		o.Fatal(err)
	}
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		o.Fatal(err)
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: device}}, key)
	if err != nil {
		o.Fatal(err)
	}
	hash := crypto.KeyHash(spki)
	r, err := o.Store.SubmitRequest(o.Context(), store.Actor{Kind: store.Phone, Name: device}, store.Request{
		DeviceID: row.ID, Device: row.Name, Schedule: row.Schedule, Issuer: settings.IssuerOnline, KeyKind: string(crypto.EC256),
		KeyHash: hash[:], PublicKey: spki, CSR: csr, Possessed: true,
	})
	if err != nil {
		o.Fatal(err)
	}
	return r
}
