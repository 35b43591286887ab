package server_test

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"strings"
	"testing"
	"time"

	"capf/crypto"
	"capf/enroll/archive"
	"capf/enroll/offline"
	"capf/enroll/wire"
	"capf/store"
)

// TestLongestLSC: the longest LSC that is taken fits the frame that brings it to
// the phone, and that in which the phone shows it, with all that may be beside it.
func TestLongestLSC(t *testing.T) {
	t.Parallel()
	lsc := wire.Certificate{Type: wire.TypeLSC, DER: make([]byte, crypto.MaxLSC)}
	signature := make([]byte, 4096/8)
	for _, f := range []wire.Frame{
		wire.StoreRequest{Type: wire.TypeLSC, Certificate: lsc}.Frame(1),
		wire.AuthResponse{Version: 3, Device: strings.Repeat("x", 64), Certificate: &lsc, SignedData: signature,
			SHA2: &wire.SHA2Signature{Digest: wire.SHA256, Signature: signature},
			SUDI: &wire.SUDI{Certificate: make([]byte, 1500), SHA1: signature, SHA512: signature}}.Frame(1),
	} {
		if _, err := f.Marshal(); err != nil {
			t.Error(err)
		}
	}
}

// TestTooLongLSC: a certificate that no frame holds is refused when an operator
// brings it, not when it is to be sent. The phone waits for another one.
func TestTooLongLSC(t *testing.T) {
	t.Parallel()
	var log book
	h, ca := offlineHouse(t, log.log)
	h.add(sep, store.Install, ecKey)
	w := h.waits(sep, anew)
	r := h.pending(sep)
	key, err := x509.ParsePKIXPublicKey(r.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: sep}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage:        x509.KeyUsageDigitalSignature,
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 99999, 1}, Value: make([]byte, 17000)}},
	}, ca.Leaf(), key, ca.Key)
	if err != nil {
		t.Fatal(err)
	}
	var rows []offline.Row
	_, err = offline.CA{Store: h.base.Store, Now: h.base.Now}.Import(t.Context(), operator, []archive.Source{archive.Stream("long.pem", bytes.NewReader(crypto.CertificatePEM(der)))},
		offline.ImportOptions{Row: func(r offline.Row) error { rows = append(rows, r); return nil }})
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 1 || rows[0].Outcome != offline.Refused || !strings.Contains(rows[0].Reason, "bytes, too many for a phone: at most 12288") {
		t.Errorf("the import says %+v", rows)
	}
	h.bring(h.sign(ca, r))
	if err := w.over(t); err != nil {
		t.Error(err)
	}
	if log.has("internal error") {
		t.Error("the log speaks of an internal error")
	}
}
