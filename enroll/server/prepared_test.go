package server_test

import (
	stdcrypto "crypto"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"capf/crypto"
	"capf/enroll/authority"
	"capf/enroll/phone"
	"capf/enroll/server"
	"capf/store"
)

// beginLists has trust lists be there.
func (h *house) beginLists() {
	h.Helper()
	sast := store.ListKey{Fingerprint: strings.Repeat("ab", 32), Certificate: []byte("SAST"), SealedKey: []byte("sealed")}
	if err := h.base.Store.BeginLists(h.Context(), operator, sast, nil); err != nil {
		h.Fatal(err)
	}
}

// prepare prepares a CAPF certificate and returns the present one and that.
func (h *house) prepare(after authority.Delay) (old, next *x509.Certificate) {
	h.Helper()
	old, err := authority.Certificate(h.Context(), h.base.Store.Reader)
	if err != nil {
		h.Fatal(err)
	}
	a, prepared, err := h.capf().Regenerate(h.Context(), operator, nil, 2048, after)
	if err != nil || !prepared {
		h.Fatalf("it is prepared: %v, %v", prepared, err)
	}
	return old, a.Leaf()
}

// shows says whether a foreign program is shown the certificate.
func shows(t testing.TB, address string, c *x509.Certificate) bool {
	t.Helper()
	_, rest, _ := strings.Cut(sClient(t, address), "Server certificate\n")
	block, _ := pem.Decode([]byte(rest))
	return block != nil && string(block.Bytes) == string(c.Raw)
}

// signed says whether an LSC was signed by the certificate.
func signed(t testing.TB, lsc []byte, by *x509.Certificate) bool {
	t.Helper()
	c, err := x509.ParseCertificate(lsc)
	if err != nil {
		t.Fatal(err)
	}
	return crypto.Issued(by, c)
}

// TestPreparedIsShownInTime: until its time has come, the prepared certificate is neither
// shown nor signs. Then serve shows it by itself, and a phone that is making its key at that
// moment gets its LSC, however short the grace of a restart is.
func TestPreparedIsShownInTime(t *testing.T) {
	h := open(t, func(c *server.Config) { c.Grace = time.Millisecond })
	h.beginLists()
	h.add(sep, store.Install)
	h.add("early", store.Install)
	h.add("late", store.Install)
	old, next := h.prepare(authority.Delay{Span: time.Hour})
	if got, err := h.phone("early"); err != nil || !signed(t, got.Certificate, old) || !shows(t, h.address, old) {
		t.Fatalf("before: %+v, %v", got.Outcome, err)
	}

	making, goOn := make(chan struct{}), make(chan struct{})
	done := make(chan error, 1)
	var slow phone.Result
	go func() {
		var err error
		slow, err = h.phone(sep, func(c *phone.Config) {
			c.NewKey = func(kind crypto.KeyKind) (stdcrypto.Signer, error) {
				close(making)
				<-goOn
				return keyOf(sep)(kind)
			}
		})
		done <- err
	}()
	<-making
	h.clock.advance(time.Hour)
	eventually(t, "the prepared certificate is shown", func() bool { return shows(t, h.address, next) })
	if got, err := h.phone("late"); err != nil || !signed(t, got.Certificate, next) {
		t.Errorf("after: %+v, %v", got.Outcome, err)
	}
	close(goOn)
	if err := <-done; err != nil || !signed(t, slow.Certificate, old) {
		t.Errorf("the phone that was at it: %+v, %v", slow.Outcome, err)
	}

	// The LSC of the old certificate authenticates, since that is in capf-trust.
	announced, err := authority.Announced(t.Context(), h.base.Store.Reader)
	if err != nil || len(announced) != 1 || !announced[0].Equal(next) {
		t.Errorf("announced are %d, %v", len(announced), err)
	}
	trusted, err := authority.Trusted(t.Context(), h.base.Store.Reader, store.ForLSC)
	if err != nil || len(trusted) != 1 || !trusted[0].Equal(old) {
		t.Errorf("capf-trust has %d, %v", len(trusted), err)
	}
}

// TestPreparedIsShownOnce: of two serves on one database, one shows the prepared certificate
// for both, and one that starts when the time has passed does it first.
func TestPreparedIsShownOnce(t *testing.T) {
	h := open(t)
	h.beginLists()
	other := &house{TB: t, base: h.base, clock: h.clock}
	other.start()
	_, next := h.prepare(authority.Delay{Span: time.Hour})
	h.clock.advance(time.Hour)
	for _, one := range []*house{h, other} {
		eventually(t, "both show it", func() bool { return shows(t, one.address, next) })
	}
	h.restarts(1)

	_, third := h.prepare(authority.Delay{Span: time.Hour})
	for _, one := range []*house{h, other} {
		if err := one.stop(); err != nil {
			t.Fatal(err)
		}
	}
	h.clock.advance(time.Hour)
	h.start()
	if !shows(t, h.address, third) {
		t.Error("a serve that starts late shows another one")
	}
	h.restarts(2)
}

// restarts demands how often serves were told to begin again.
func (h *house) restarts(want int64) {
	h.Helper()
	services, err := h.base.Store.Services(h.Context())
	if err != nil {
		h.Fatal(err)
	}
	for _, v := range services {
		if v.Name == "capf" && v.Restarts != want {
			h.Errorf("serves were told to begin again %d times, want %d", v.Restarts, want)
		}
	}
}

// TestUnfitIsNotShown: a prepared certificate whose key does not open is not shown, and
// serve goes on with the present one.
func TestUnfitIsNotShown(t *testing.T) {
	h := open(t)
	h.beginLists()
	h.add(sep, store.Install)
	old, _ := h.prepare(authority.Delay{Span: time.Hour})
	p, err := h.base.Store.Prepared(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p.SealedKey = []byte("another master key has sealed it")
	if err := h.base.Store.Prepare(t.Context(), operator, p, p.Chain[0]); err != nil {
		t.Fatal(err)
	}
	h.clock.advance(time.Hour)
	if got, err := h.phone(sep); err != nil || !signed(t, got.Certificate, old) || !shows(t, h.address, old) {
		t.Errorf("got %+v, %v", got.Outcome, err)
	}
	h.stop()
	h.start()
	if !shows(t, h.address, old) {
		t.Error("after a restart another one is shown")
	}
	h.restarts(0)
}
