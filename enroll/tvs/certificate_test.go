package tvs_test

import (
	"bytes"
	"crypto/x509"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"capf/crypto"
	"capf/enroll/secrets"
	"capf/enroll/tvs"
)

// TestCertificate: there is none until it is made, it is made once, and it is fit for
// the TLS server of old and new phones.
func TestCertificate(t *testing.T) {
	t.Parallel()
	s := newSite(t, false)
	if c, err := tvs.Certificate(t.Context(), s.Store.Reader); c != nil || err != nil {
		t.Errorf("%v, %v", c, err)
	}
	if _, _, err := s.maker().Ensure(t.Context(), s.Actor); !errors.Is(err, secrets.ErrNotReady) {
		t.Errorf("before capf init: %v", err)
	}
	s.init()
	made, is, err := s.maker().Ensure(t.Context(), s.Actor)
	if err != nil || !is {
		t.Fatal(is, err)
	}
	if !strings.HasPrefix(made.Subject.CommonName, "TVS-") || made.Subject.Organization[0] != "Acme" || made.IsCA ||
		made.KeyUsage != x509.KeyUsageDigitalSignature|x509.KeyUsageKeyEncipherment ||
		!slices.Equal(made.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}) || made.SignatureAlgorithm != x509.SHA256WithRSA {
		t.Errorf("%+v", made)
	}
	again, is, err := s.maker().Ensure(t.Context(), s.Actor)
	if err != nil || is || !bytes.Equal(again.Raw, made.Raw) {
		t.Error(is, err)
	}
	c, key, err := tvs.Load(t.Context(), s.Store.Reader, s.Sealer)
	if err != nil || key == nil || !bytes.Equal(c.Raw, made.Raw) {
		t.Error(err)
	}
	other, err := s.maker().Regenerate(t.Context(), s.Actor)
	if err != nil || bytes.Equal(other.Raw, made.Raw) {
		t.Error(err)
	}
}

// TestKeyOfCertificate: a rotation of the master key takes the key along, and a key of
// another certificate is found.
func TestKeyOfCertificate(t *testing.T) {
	t.Parallel()
	s := newSite(t, true)
	if _, _, err := s.maker().Ensure(t.Context(), s.Actor); err != nil {
		t.Fatal(err)
	}
	next, err := crypto.CreateMasterKey(filepath.Join(t.TempDir(), "next"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := secrets.Rotate(t.Context(), s.Store, s.Actor, s.Sealer, next); err != nil {
		t.Fatal(err)
	}
	if _, _, err := tvs.Load(t.Context(), s.Store.Reader, s.Sealer); !errors.Is(err, crypto.ErrWrongKey) {
		t.Errorf("with the old master key: %v", err)
	}
	if _, _, err := tvs.Load(t.Context(), s.Store.Reader, next); err != nil {
		t.Error(err)
	}
	if err := secrets.Verify(t.Context(), s.Store.Reader, next); err != nil {
		t.Error(err)
	}
	row, err := s.Store.TVSCertificate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	other := row
	s.Sealer = next
	if _, err := s.maker().Regenerate(t.Context(), s.Actor); err != nil {
		t.Fatal(err)
	}
	mixed, err := s.Store.TVSCertificate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	mixed.Certificate = other.Certificate
	if err := s.Store.SaveTVSCertificate(t.Context(), s.Actor, mixed, false); err != nil {
		t.Fatal(err)
	}
	if err := secrets.Verify(t.Context(), s.Store.Reader, next); err == nil || !strings.Contains(err.Error(), "TVS key: the TVS key is not that of the TVS certificate") {
		t.Errorf("%v", err)
	}
}
