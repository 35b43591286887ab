package store

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestParameters(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	e := events(t, s, 4, func() {
		for _, v := range []string{"20", "20", "25", "", "", "30"} {
			must(t, s.SetParameter(t.Context(), operator, "keep_alive", v))
		}
	})
	if e.Action != "set" || e.Detail != "keep_alive" || e.Actor != operator {
		t.Errorf("the event is %+v", e)
	}
	got, err := s.Parameters(t.Context())
	must(t, err)
	if len(got) != 1 || got["keep_alive"] != "30" {
		t.Errorf("the parameters are %v", got)
	}
	e = events(t, s, 1, func() { must(t, s.SetParameter(t.Context(), operator, "keep_alive", "")) })
	got, err = s.Parameters(t.Context())
	must(t, err)
	if len(got) != 0 || e.Detail != "keep_alive back to its default" {
		t.Errorf("the parameters are %v, the event is %+v", got, e)
	}
	// A reading that fails is not an empty one.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := s.Services(ctx); err == nil {
		t.Errorf("the services are %v", got)
	}
}

func TestServiceEvents(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	was, err := s.Services(t.Context())
	must(t, err)
	name, active := was[0].Name, was[0].Active
	events(t, s, 0, func() { must(t, s.SetService(t.Context(), operator, name, active)) })
	for _, active := range []bool{!active, active} {
		e := events(t, s, 1, func() { must(t, s.SetService(t.Context(), operator, name, active)) })
		now, err := s.Services(t.Context())
		must(t, err)
		want := "service-deactivate"
		if active {
			want = "service-activate"
		}
		if now[0].Active != active || e.Action != want || e.Detail != name {
			t.Errorf("the service is %+v, the event %+v", now[0], e)
		}
	}
	for active, want := range map[bool]string{true: `activating service "none"`, false: `deactivating service "none"`} {
		err := s.SetService(t.Context(), operator, "none", active)
		wantErr(t, err, ErrNotFound)
		if !strings.HasPrefix(err.Error(), want) {
			t.Errorf("the error is %v", err)
		}
	}
}

func selfSigned(t *testing.T, name string) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(0xabc), Subject: pkix.Name{CommonName: name}, NotBefore: start, NotAfter: start.AddDate(5, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(t, err)
	return der
}

func TestIdentity(t *testing.T) {
	t.Parallel()
	s, c := newStore(t)
	_, err := s.Identity(t.Context())
	wantErr(t, err, ErrNotFound)
	first := Identity{Chain: [][]byte{selfSigned(t, "CAPF-00000001"), []byte("intermediate"), []byte("root")}, SealedKey: []byte("one")}
	e := events(t, s, 1, func() { must(t, s.SaveIdentity(t.Context(), operator, first, true)) })
	if e.Action != "capf-certificate-set" {
		t.Errorf("the event is %+v", e)
	}
	first.CreatedAt, first.ListedAt = start, start
	got, err := s.Identity(t.Context())
	must(t, err)
	if fmt.Sprint(got) != fmt.Sprint(first) {
		t.Errorf("got %v, want %v", got, first)
	}
	c.move(24 * time.Hour)
	second := Identity{Chain: [][]byte{selfSigned(t, "CAPF-00000002")}, SealedKey: []byte("two")}
	wantErr(t, s.SaveIdentity(t.Context(), operator, second, true), ErrConflict)
	events(t, s, 1, func() { must(t, s.SaveIdentity(t.Context(), operator, second, false)) })
	must(t, s.SaveIdentity(t.Context(), operator, second, false)) // the same: nothing to retire
	got, err = s.Identity(t.Context())
	must(t, err)
	if len(got.Chain) != 1 || !bytes.Equal(got.Chain[0], second.Chain[0]) || string(got.SealedKey) != "two" {
		t.Errorf("got %v, want %v", got, second)
	}
	trust, err := s.Trust(t.Context(), CAPFTrust)
	must(t, err)
	if len(trust) != 1 || !bytes.Equal(trust[0].Certificate, first.Chain[0]) || trust[0].Serial != "0abc" ||
		trust[0].Subject != "CN=CAPF-00000001" || !trust[0].NotAfter.Equal(start.AddDate(5, 0, 0)) {
		t.Errorf("capf-trust has %+v", trust)
	}
	if s.SaveIdentity(t.Context(), operator, Identity{SealedKey: []byte("x")}, false) == nil {
		t.Error("an identity without a certificate is kept")
	}
}

func TestIdentityAtOnce(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	other := openStore(t, s.Path(), Options{})
	errs := make([]error, 2)
	var wg sync.WaitGroup
	for i, s := range []*Store{s, other} {
		id := Identity{Chain: [][]byte{selfSigned(t, "CAPF-00000001")}, SealedKey: []byte("key")}
		wg.Go(func() { errs[i] = s.SaveIdentity(t.Context(), operator, id, true) })
	}
	wg.Wait()
	if (errs[0] == nil) == (errs[1] == nil) {
		t.Errorf("the outcomes are %v", errs)
	}
}

func TestKeyCheck(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	_, err := s.KeyCheck(t.Context())
	wantErr(t, err, ErrNotFound)
	must(t, s.SetKeyCheck(t.Context(), []byte("sealed")))
	wantErr(t, s.SetKeyCheck(t.Context(), []byte("again")), ErrConflict)
	got, err := s.KeyCheck(t.Context())
	if string(got) != "sealed" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestTrust(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	want := TrustCertificate{
		Purpose: CAPFTrust, Subject: "CN=Root", Issuer: "CN=Root", Serial: "0A:0b", NotBefore: start, NotAfter: start.AddDate(9, 0, 0),
		Certificate: []byte("der"), Fingerprint: []byte("sum"), Description: "the company's", For: ForLSC | ForHTTPS,
	}
	add := func(purpose Purpose, wanted TrustOutcome) {
		t.Helper()
		c := want
		c.Purpose = purpose
		if _, got, err := s.AddTrusts(t.Context(), operator, []NewTrust{{TrustCertificate: c}}); err != nil || got[0] != wanted {
			t.Errorf("it is %v, %v", got, err)
		}
	}
	e := events(t, s, 2, func() {
		add(CAPFTrust, TrustAdded)
		add(CallManagerTrust, TrustAdded)
		add(CAPFTrust, TrustSame)
	})
	if e.Action != "cert-upload" || e.Detail != "callmanager-trust: CN=Root" {
		t.Errorf("the event is %+v", e)
	}
	want.ID, want.Serial, want.AddedAt = 1, "0a0b", start
	for purpose, n := range map[Purpose]int{"": 2, CAPFTrust: 1, CallManagerTrust: 1} {
		got, err := s.Trust(t.Context(), purpose)
		must(t, err)
		if len(got) != n || (purpose != CallManagerTrust && fmt.Sprint(got[0]) != fmt.Sprint(want)) {
			t.Errorf("%q: %+v", purpose, got)
		}
	}
	// Several are changed together, and deleted together.
	text, uses := "new", ForLSC
	e = events(t, s, 2, func() {
		_, outcomes, err := s.EditTrusts(t.Context(), operator, []int64{1, 2}, TrustEdit{Description: &text})
		must(t, err)
		if !slices.Equal(outcomes, []TrustOutcome{TrustChanged, TrustChanged}) {
			t.Errorf("the changes are %v", outcomes)
		}
	})
	if e.Detail != `callmanager-trust: CN=Root; description "new"` {
		t.Errorf("the event is %+v", e)
	}
	e = events(t, s, 1, func() {
		_, _, err := s.EditTrusts(t.Context(), operator, []int64{1}, TrustEdit{For: &uses})
		must(t, err)
	})
	if e.Detail != "capf-trust: CN=Root; for lsc" {
		t.Errorf("the event is %+v", e)
	}
	wantErr(t, s.DeleteTrust(t.Context(), operator, 1, 3), ErrNotFound)
	events(t, s, 2, func() { must(t, s.DeleteTrust(t.Context(), operator, 1, 2, 1)) })
	if left, err := s.Trust(t.Context(), ""); err != nil || left != nil {
		t.Errorf("%v are left, %v", left, err)
	}
	wantErr(t, s.DeleteTrust(t.Context(), operator, 1), ErrNotFound)
	_, _, err := s.AddTrusts(t.Context(), operator, []NewTrust{{TrustCertificate: TrustCertificate{Purpose: "elsewhere", Certificate: []byte("x"), Fingerprint: []byte("x")}}})
	if err == nil {
		t.Error("a purpose that there is not is kept")
	}
}

func TestServices(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	e := events(t, s, 3, func() {
		must(t, s.SetService(t.Context(), operator, "capf", true))
		must(t, s.SetService(t.Context(), operator, "capf", false))
		must(t, s.SetService(t.Context(), operator, "enrollment", true))
		must(t, s.RestartService(t.Context(), operator, "capf"))
	})
	if e.Action != "service-restart" || e.Detail != "capf" {
		t.Errorf("the event is %+v", e)
	}
	got, err := s.Services(t.Context())
	must(t, err)
	if want := []Service{{"capf", false, 1}, {"enrollment", true, 0}, {"provision", false, 0}, {"tvs", false, 0}}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	wantErr(t, s.SetService(t.Context(), operator, "tftp", true), ErrNotFound)
	wantErr(t, s.RestartService(t.Context(), operator, "tftp"), ErrNotFound)
}

func TestServers(t *testing.T) {
	t.Parallel()
	s, c := newStore(t)
	want := Server{PID: 7, Host: "a", Version: "1.2", Addresses: []string{"0.0.0.0:3804", "[::]:3804"}, Since: start, SeenAt: start, Sessions: 3}
	other := Server{PID: 7, Host: "b", Since: start}
	events(t, s, 0, func() {
		must(t, s.ReportServer(t.Context(), want))
		c.move(time.Second)
		want.Sessions, want.Restarts, want.SeenAt = 4, 1, start.Add(time.Second)
		must(t, s.ReportServer(t.Context(), want))
		must(t, s.ReportServer(t.Context(), other))
	})
	got, err := s.Servers(t.Context())
	must(t, err)
	if len(got) != 2 || fmt.Sprint(got[0]) != fmt.Sprint(want) || len(got[1].Addresses) != 0 {
		t.Errorf("got %+v, want %+v", got, want)
	}
	must(t, s.RemoveServer(t.Context(), 7, "a"))
	must(t, s.RemoveServer(t.Context(), 7, "a"))
	if got, err := s.Servers(t.Context()); len(got) != 1 || got[0].Host != "b" || err != nil {
		t.Errorf("got %+v, %v", got, err)
	}
}

// TestGivenUpSignsNothing: a serve that has not noticed yet that its CAPF
// certificate was given up keeps no LSC that it has signed with that.
func TestGivenUpSignsNothing(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	d := addDevice(t, s, "SEP000000000001")
	old, next := authorityCertificate(t, "CAPF-old"), authorityCertificate(t, "CAPF-new")
	must(t, s.SaveIdentity(t.Context(), operator, Identity{SealedKey: []byte("sealed"), Chain: [][]byte{old}}, true))
	issue := func(by []byte) error {
		_, err := s.IssueLSC(t.Context(), phone(d.Name), NewLSC{Request: request(d), LSC: certificate(), SignedBy: by})
		return err
	}
	must(t, issue(old))
	wantErr(t, issue(next), ErrConflict)
	must(t, s.SaveIdentity(t.Context(), operator, Identity{SealedKey: []byte("sealed"), Chain: [][]byte{next}}, false))
	must(t, issue(old)) // it went to capf-trust
	must(t, issue(next))
	trust, err := s.Trust(t.Context(), CAPFTrust)
	must(t, err)
	must(t, s.GiveUpIdentity(t.Context(), operator, Identity{SealedKey: []byte("sealed"), Chain: [][]byte{authorityCertificate(t, "CAPF-3")}}, []int64{trust[0].ID}, nil))
	wantErr(t, issue(old), ErrConflict)
	wantErr(t, issue(next), ErrConflict)
	if trust, err = s.Trust(t.Context(), ""); err != nil || len(trust) != 0 {
		t.Errorf("in the trust stores are %v, %v", trust, err)
	}
}

func authorityCertificate(t *testing.T, name string) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(serials.Add(1)), Subject: pkix.Name{CommonName: name}, NotAfter: start.AddDate(5, 0, 0)},
		&x509.Certificate{Subject: pkix.Name{CommonName: name}}, key.Public(), key)
	must(t, err)
	return der
}
