package store

import (
	"errors"
	"testing"
)

// TestTVSCertificate: there is one, which stays unless it is replaced on purpose.
func TestTVSCertificate(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	if _, err := s.TVSCertificate(t.Context()); !errors.Is(err, ErrNotFound) {
		t.Errorf("%v", err)
	}
	first, second := TVSCertificate{Certificate: []byte("one"), SealedKey: []byte("key")}, TVSCertificate{Certificate: []byte("two"), SealedKey: []byte("other")}
	must(t, s.SaveTVSCertificate(t.Context(), operator, first, true))
	if err := s.SaveTVSCertificate(t.Context(), operator, second, true); !errors.Is(err, ErrConflict) {
		t.Errorf("%v", err)
	}
	have, err := s.TVSCertificate(t.Context())
	if err != nil || string(have.Certificate) != "one" || string(have.SealedKey) != "key" || !have.CreatedAt.Equal(start) {
		t.Errorf("%+v, %v", have, err)
	}
	before, err := s.ListsChanged(t.Context())
	must(t, err)
	must(t, s.SaveTVSCertificate(t.Context(), operator, second, false))
	if after, err := s.ListsChanged(t.Context()); err != nil || !after.After(before) || before.IsZero() {
		t.Errorf("the lists have changed at %v, then at %v, %v", before, after, err)
	}
	if have, err = s.TVSCertificate(t.Context()); err != nil || string(have.Certificate) != "two" {
		t.Errorf("%+v, %v", have, err)
	}
	if events := all(t, s.Events(t.Context(), EventFilter{Action: "tvs-certificate-set"})); len(events) != 2 {
		t.Errorf("%+v", events)
	}
}
