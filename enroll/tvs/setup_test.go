package tvs_test

import (
	"crypto/rand"
	"path/filepath"
	"testing"
	"time"

	"capf/crypto"
	"capf/enroll/authority"
	"capf/enroll/secrets"
	"capf/enroll/tvs"
	"capf/store"
)

// site is a database, and who changes it.
type site struct {
	testing.TB
	Store  *store.Store
	Sealer *crypto.Sealer
	Actor  store.Actor
}

// newSite makes a database with a master key and, if asked for, a CAPF certificate.
func newSite(t testing.TB, ready bool) site {
	t.Helper()
	dir := t.TempDir()
	s, err := store.Create(t.Context(), filepath.Join(dir, "capf.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	sealer, err := secrets.CreateSealer(t.Context(), s, filepath.Join(dir, "capf.master-key"))
	if err != nil {
		t.Fatal(err)
	}
	made := site{t, s, sealer, store.Actor{Kind: store.Operator, Name: "olga", Command: "capf service activate tvs"}}
	if ready {
		made.init()
	}
	return made
}

// init makes the CAPF certificate.
func (s site) init() {
	s.Helper()
	capf := authority.CAPF{Store: s.Store, Sealer: s.Sealer, Now: time.Now, Rand: rand.Reader}
	if _, err := capf.Init(s.Context(), s.Actor, crypto.Name{Organization: "Acme", Country: "DE"}, 2048); err != nil {
		s.Fatal(err)
	}
}

func (s site) maker() tvs.Maker {
	return tvs.Maker{Store: s.Store, Sealer: s.Sealer, Now: time.Now, Rand: rand.Reader}
}
