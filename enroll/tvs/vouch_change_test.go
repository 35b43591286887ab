package tvs_test

import (
	"crypto/rand"
	"crypto/x509"
	"slices"
	"testing"
	"time"

	"capf/enroll/authority"
	"capf/enroll/lists"
	"capf/enroll/trustlist"
	"capf/enroll/tvs"
)

// TestVouchInChange: a prepared CAPF certificate is vouched for beside the present one,
// for minutes at a time; one whose key has leaked is not, from that moment on. The keys
// of the lists are SASTs and nothing else.
func TestVouchInChange(t *testing.T) {
	t.Parallel()
	s := newSite(t, true)
	signing := lists.Signing{Store: s.Store, Sealer: s.Sealer, Now: time.Now, Rand: rand.Reader}
	_, _, err := signing.Init(t.Context(), s.Actor)
	s.must(err)
	keys, err := lists.LoadKeys(t.Context(), s.Store.Reader, s.Sealer)
	s.must(err)
	capf := authority.CAPF{Store: s.Store, Sealer: s.Sealer, Now: time.Now, Rand: rand.Reader}
	present := s.capf()
	made, prepared, err := capf.Regenerate(t.Context(), s.Actor, nil, 2048, authority.Delay{})
	if err != nil || !prepared {
		t.Fatal(prepared, err)
	}
	inWeeks := func() time.Time { return time.Now().AddDate(0, 0, 14) }
	want := func(c *x509.Certificate, keep time.Duration, roles ...trustlist.Role) {
		t.Helper()
		a, err := tvs.Voucher{Store: s.Store.Reader, Now: inWeeks}.Answer(t.Context(), trustlist.TVSQuestion{Certificate: c.Raw})
		if err != nil || a.Valid != (len(roles) > 0) || !slices.Equal(a.Roles, roles) || a.Keep != keep {
			t.Errorf("%s: %+v, %v", c.Subject, a, err)
		}
	}
	want(present, 5*time.Minute, trustlist.RoleCAPF)
	want(made.Leaf(), 5*time.Minute, trustlist.RoleCAPF)
	want(keys.Signer.Certificate, 5*time.Minute, trustlist.RoleSAST)
	want(keys.Spare.Certificate, 5*time.Minute, trustlist.RoleSAST)
	found, err := capf.Compromised(t.Context())
	s.must(err)
	_, _, err = capf.GiveUp(t.Context(), s.Actor, found, nil, 0)
	s.must(err)
	want(present, 0)
	want(made.Leaf(), time.Hour, trustlist.RoleCAPF)
}
