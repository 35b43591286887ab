package authority_test

import (
	"crypto/x509"
	"errors"
	"strings"
	"testing"
	"time"

	"capf/crypto"
	"capf/enroll/authority"
	"capf/internal/apperr"
	"capf/store"
)

// withLists is a house whose phones have trust lists.
func withLists(t *testing.T) house {
	t.Helper()
	r := newHouse(t)
	sast := store.ListKey{Fingerprint: strings.Repeat("ab", 32), Certificate: []byte("SAST"), SealedKey: []byte("sealed")}
	if err := r.Store.BeginLists(t.Context(), jane, sast, nil); err != nil {
		t.Fatal(err)
	}
	return r
}

// announced are the certificates that lists carry, in words.
func announced(t *testing.T, r house) []*x509.Certificate {
	t.Helper()
	all, err := authority.Announced(t.Context(), r.Store.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func refused(t *testing.T, err error, why string) {
	t.Helper()
	if !errors.Is(err, apperr.ErrRefused) || !strings.Contains(err.Error(), why) {
		t.Errorf("got %v, want a refusal with %q", err, why)
	}
}

// TestPrepare: once there are lists, a new certificate waits beside the present one, which
// stays what signs; it is replaced by none, and goes without a trace.
func TestPrepare(t *testing.T) {
	t.Parallel()
	r := withLists(t)
	present := announced(t, r)[0]
	a, prepared, err := r.capf().Regenerate(t.Context(), jane, nil, 2048, authority.Delay{Span: 7 * 24 * time.Hour})
	if err != nil || !prepared {
		t.Fatalf("prepared %v, %v", prepared, err)
	}
	if got := announced(t, r); len(got) != 2 || !got[0].Equal(present) || !got[1].Equal(a.Leaf()) {
		t.Errorf("announced are %v", got)
	}
	if now, err := r.capf().Load(t.Context()); err != nil || !now.Leaf().Equal(present) {
		t.Errorf("the present one is %v, %v", now, err)
	}
	_, _, err = r.capf().Regenerate(t.Context(), jane, nil, 2048, authority.Delay{})
	refused(t, err, "is prepared already, since ")

	// The same span again is the same time; another one counts from the same day.
	p, err := r.Store.Prepared(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, days := range []int{7, 9} {
		_, changed, err := r.capf().Postpone(t.Context(), jane, authority.Delay{Span: time.Duration(days) * 24 * time.Hour})
		if err != nil || changed != (days == 9) {
			t.Errorf("%d days: changed %v, %v", days, changed, err)
		}
	}
	if again, err := r.Store.Prepared(t.Context()); err != nil || !again.Since.Equal(p.Since) || !again.ShownAfter.Equal(p.Since.AddDate(0, 0, 9)) {
		t.Errorf("it is %+v, %v", again, err)
	}
	if shown, err := r.capf().ShowDue(t.Context(), jane); err != nil || shown != nil {
		t.Errorf("before its time: %v, %v", shown, err)
	}
	if gone, err := r.capf().Cancel(t.Context(), jane); err != nil || !gone.Equal(a.Leaf()) {
		t.Errorf("given up is %v, %v", gone, err)
	}
	if got := announced(t, r); len(got) != 1 || !got[0].Equal(present) {
		t.Errorf("announced are %v", got)
	}
	_, err = r.capf().Cancel(t.Context(), jane)
	refused(t, err, "no CAPF certificate is prepared")
	_, err = r.capf().Show(t.Context(), jane)
	refused(t, err, "no CAPF certificate is prepared")
}

// TestNoListsNoDelay: without lists the change is made at once, so that it cannot wait.
func TestNoListsNoDelay(t *testing.T) {
	t.Parallel()
	r := newHouse(t)
	_, _, err := r.capf().Regenerate(t.Context(), jane, nil, 2048, authority.Delay{Span: time.Hour})
	refused(t, err, "there are no trust lists")
	if _, prepared, err := r.capf().Regenerate(t.Context(), jane, nil, 2048, authority.Delay{}); err != nil || prepared {
		t.Errorf("prepared %v, %v", prepared, err)
	}
}

// TestPrepareChain: what a company CA signs for the present key is another certificate for
// phones, and waits; what it signs for the prepared key takes the place of that; a new chain
// above the present certificate is no change for phones.
func TestPrepareChain(t *testing.T) {
	t.Parallel()
	r := withLists(t)
	before, err := r.capf().Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	root := issue(t, "Company Root", nil, ca)
	middle := issue(t, "Company Issuing CA", root, ca)
	signedFor := func(a *crypto.Authority) *issued {
		return issueFor(t, a.Leaf().Subject.CommonName, nil, a.Key.Public(), middle, capf)
	}
	upload := func(after authority.Delay, chain ...*issued) (authority.UploadedChain, error) {
		return r.capf().UploadChain(t.Context(), jane, []authority.UploadFile{{Name: "chain.pem", Data: pem(chain...)}}, authority.UploadOptions{}, after)
	}
	same := signedFor(before)
	for _, changed := range []bool{true, false} {
		if got, err := upload(authority.Delay{}, same, middle, root); err != nil || got.Changed != changed || !got.Prepared {
			t.Fatalf("for the present key: %+v, %v", got, err)
		}
	}
	if got := announced(t, r); len(got) != 2 || !got[0].Equal(before.Leaf()) || !got[1].Equal(same.Certificate) {
		t.Errorf("announced are %v", got)
	}
	if _, err := r.capf().Show(t.Context(), jane); err != nil {
		t.Fatal(err)
	}
	if now, err := r.capf().Load(t.Context()); err != nil || !now.Leaf().Equal(same.Certificate) || len(now.Chain) != 3 {
		t.Errorf("the present one is %v, %v", now, err)
	}

	// Only the chain is new.
	if _, err := r.stores().Upload(t.Context(), jane, []authority.UploadFile{{Name: "root.pem", Data: pem(root), Purposes: []store.Purpose{store.CAPFTrust}}}, authority.UploadOptions{}); err != nil {
		t.Fatal(err)
	}
	_, err = upload(authority.Delay{Span: time.Hour}, same, middle)
	refused(t, err, "only the chain above it is new")
	if got, err := upload(authority.Delay{}, same, middle); err != nil || !got.Changed || got.Prepared {
		t.Errorf("another chain: %+v, %v", got, err)
	}

	next, _, err := r.capf().Regenerate(t.Context(), jane, nil, 2048, authority.Delay{Span: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	der, prepared, err := r.capf().Request(t.Context())
	if err != nil || !prepared {
		t.Fatalf("the request is for the prepared key: %v, %v", prepared, err)
	}
	if request, err := x509.ParseCertificateRequest(der); err != nil || !crypto.SameKey(request.PublicKey, next.Key.Public()) {
		t.Errorf("the request is %v, %v", request, err)
	}
	_, err = upload(authority.Delay{}, signedFor(before), middle, root)
	refused(t, err, "is prepared already")
	signed := signedFor(next)
	if got, err := upload(authority.Delay{}, signed, middle, root); err != nil || !got.Changed || !got.Prepared {
		t.Fatalf("for the prepared key: %+v, %v", got, err)
	}
	if p, err := r.Store.Prepared(t.Context()); err != nil || len(p.Chain) != 3 || !p.ShownAfter.IsZero() {
		t.Errorf("a certificate that lists carry only from now on keeps the time of the one before: %+v, %v", p.ShownAfter, err)
	}
}

// TestCompromisedTakesPrepared: phones know the prepared certificate, so that it is the best
// to take the place of one whose key may be known; but not with the same key, nor if another
// one is asked for.
func TestCompromisedTakesPrepared(t *testing.T) {
	t.Parallel()
	giveUp := func(r house, name *crypto.Name) *x509.Certificate {
		found, err := r.capf().Compromised(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		a, _, err := r.capf().GiveUp(t.Context(), jane, found, name, 0)
		if err != nil {
			t.Fatal(err)
		}
		return a.Leaf()
	}
	r := withLists(t)
	old := announced(t, r)[0]
	next, _, err := r.capf().Regenerate(t.Context(), jane, nil, 2048, authority.Delay{})
	if err != nil {
		t.Fatal(err)
	}
	if got := giveUp(r, nil); !got.Equal(next.Leaf()) {
		t.Errorf("a new one is made: %s", got.Subject)
	}
	if got := announced(t, r); len(got) != 1 || got[0].Equal(old) {
		t.Errorf("announced are %v", got)
	}
	if trusted, err := r.Store.Trust(t.Context(), store.CAPFTrust); err != nil || len(trusted) != 0 {
		t.Errorf("in capf-trust are %v, %v", trusted, err)
	}

	second, _, err := r.capf().Regenerate(t.Context(), jane, nil, 2048, authority.Delay{})
	if err != nil {
		t.Fatal(err)
	}
	if got := giveUp(r, &crypto.Name{Organization: "Other"}); got.Equal(second.Leaf()) {
		t.Error("the prepared one is taken though another was described")
	}
	if got := announced(t, r); len(got) != 1 {
		t.Errorf("announced are %v", got)
	}

	a, err := r.capf().Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	root := issue(t, "Company Root", nil, ca)
	same := issueFor(t, a.Leaf().Subject.CommonName, nil, a.Key.Public(), root, capf)
	if _, err := r.capf().UploadChain(t.Context(), jane, []authority.UploadFile{{Name: "chain.pem", Data: pem(same, root)}}, authority.UploadOptions{}, authority.Delay{}); err != nil {
		t.Fatal(err)
	}
	if got := giveUp(r, nil); got.Equal(same.Certificate) || crypto.SameKey(got.PublicKey, a.Key.Public()) {
		t.Error("the compromised key is shown again")
	}
}
