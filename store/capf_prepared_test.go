package store

import (
	"bytes"
	"errors"
	"sync"
	"testing"
	"time"
)

// prepare prepares a CAPF certificate beside one that is there.
func prepare(t *testing.T, s *Store, after time.Time) (old, next []byte) {
	t.Helper()
	old, next = selfSigned(t, "CAPF-old"), selfSigned(t, "CAPF-new")
	must(t, s.SaveIdentity(t.Context(), operator, Identity{Chain: [][]byte{old}, SealedKey: []byte("old")}, true))
	must(t, s.Prepare(t.Context(), operator, Prepared{Chain: [][]byte{next, []byte("root")}, SealedKey: []byte("new"), ShownAfter: after}, nil))
	return old, next
}

func TestPrepared(t *testing.T) {
	t.Parallel()
	s, c := newStore(t)
	_, err := s.Prepared(t.Context())
	wantErr(t, err, ErrNotFound)
	old, next := prepare(t, s, start.Add(time.Hour))
	p, err := s.Prepared(t.Context())
	must(t, err)
	if len(p.Chain) != 2 || !bytes.Equal(p.Chain[0], next) || string(p.SealedKey) != "new" || !p.Since.Equal(start) || p.Due(start) || !p.Due(start.Add(time.Hour)) {
		t.Errorf("got %+v", p)
	}
	if id, err := s.Identity(t.Context()); err != nil || !bytes.Equal(id.Chain[0], old) {
		t.Errorf("the present one is %v, %v", id, err)
	}

	// The same certificate with another time is known since then; another one is not.
	c.move(time.Minute)
	wantErr(t, s.Prepare(t.Context(), operator, Prepared{Chain: p.Chain, SealedKey: p.SealedKey}, nil), ErrConflict)
	must(t, s.Prepare(t.Context(), operator, Prepared{Chain: p.Chain, SealedKey: p.SealedKey}, next))
	if p, err = s.Prepared(t.Context()); err != nil || !p.Since.Equal(start) || !p.ShownAfter.IsZero() || p.Due(start.AddDate(9, 0, 0)) {
		t.Errorf("got %+v, %v", p, err)
	}
	third := selfSigned(t, "CAPF-third")
	must(t, s.Prepare(t.Context(), operator, Prepared{Chain: [][]byte{third}, SealedKey: []byte("third")}, next))
	if p, err = s.Prepared(t.Context()); err != nil || len(p.Chain) != 1 || !p.Since.Equal(start.Add(time.Minute)) {
		t.Errorf("got %+v, %v", p, err)
	}
	wantErr(t, s.CancelPrepared(t.Context(), operator, next), ErrConflict)
	events(t, s, 1, func() { must(t, s.CancelPrepared(t.Context(), operator, third)) })
	wantErr(t, s.CancelPrepared(t.Context(), operator, third), ErrNotFound)
	wantErr(t, s.ShowPrepared(t.Context(), operator, third), ErrNotFound)
}

// TestShownOnce: of several processes that show the prepared certificate at once, one
// does, and the serves are told once.
func TestShownOnce(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	old, next := prepare(t, s, start)
	wantErr(t, s.ShowPrepared(t.Context(), operator, old), ErrConflict)
	all := []*Store{s, openStore(t, s.Path(), Options{}), openStore(t, s.Path(), Options{})}
	var wg sync.WaitGroup
	errs := make([]error, len(all))
	for i, s := range all {
		wg.Go(func() { errs[i] = s.ShowPrepared(t.Context(), operator, next) })
	}
	wg.Wait()
	done := 0
	for _, err := range errs {
		switch {
		case err == nil:
			done++
		case !errors.Is(err, ErrNotFound):
			t.Error(err)
		}
	}
	services, err := s.Services(t.Context())
	must(t, err)
	for _, v := range services {
		if v.Name == "capf" && (done != 1 || v.Restarts != 1) {
			t.Errorf("%d of them have shown it, and serve is told %d times", done, v.Restarts)
		}
	}
	id, err := s.Identity(t.Context())
	must(t, err)
	if len(id.Chain) != 2 || !bytes.Equal(id.Chain[0], next) || string(id.SealedKey) != "new" {
		t.Errorf("the present one is %+v", id)
	}
	if trust, err := s.Trust(t.Context(), CAPFTrust); err != nil || len(trust) != 1 || !bytes.Equal(trust[0].Certificate, old) {
		t.Errorf("capf-trust has %v, %v", trust, err)
	}
	checkIntegrity(t, s.Path())
}

// TestGivenUpEndsPreparation: a certificate whose key may be known takes what was prepared
// beside it along, unless that takes its place.
func TestGivenUpEndsPreparation(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	_, next := prepare(t, s, start)
	third := Identity{Chain: [][]byte{selfSigned(t, "CAPF-third")}, SealedKey: []byte("third")}
	wantErr(t, s.GiveUpIdentity(t.Context(), operator, third, nil, nil), ErrConflict)
	must(t, s.GiveUpIdentity(t.Context(), operator, third, nil, next))
	_, err := s.Prepared(t.Context())
	wantErr(t, err, ErrNotFound)
	if id, err := s.Identity(t.Context()); err != nil || !bytes.Equal(id.Chain[0], third.Chain[0]) {
		t.Errorf("the present one is %+v, %v", id, err)
	}
}
