package server_test

import (
	"crypto/x509"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"capf/enroll/onlineca"
	"capf/enroll/onlineca/catest"
	"capf/store"
)

// TestOnlineRenewed is a CA that is renewed while serve runs, as AD CS does by
// default: with its name and its key. Both of its certificates are in
// capf-trust; that an LSC is valid for longer than the older one is no fault.
func TestOnlineRenewed(t *testing.T) {
	t.Parallel()
	h := open(t, fast)
	var longer atomic.Bool
	ca := catest.MustCA(t, catest.Options{Shape: func(c *x509.Certificate) {
		if longer.Load() {
			c.NotAfter = time.Now().AddDate(15, 0, 0)
		}
	}})
	h.online(onlineca.Microsoft, catest.MustCertsrv(t, catest.CertsrvOptions{Transport: catest.Transport{CA: ca, Login: catest.UserLogin("Basic")}}).Server)
	h.trust(ca.Issuing())
	enrols := func(name string) {
		t.Helper()
		h.add(name, store.Install)
		if _, err := h.phone(name); err != nil {
			r, _ := h.request(name)
			t.Errorf("%v: %s", err, r.Reason)
		}
		if got := h.lscs(name); !slices.Contains(got, store.LSCInstalled) {
			t.Errorf("the LSCs are %v", got)
		}
	}
	enrols("SEP001122334455")
	if err := ca.Renew(false, 18*365); err != nil {
		t.Fatal(err)
	}
	h.trust(ca.Issuing())
	longer.Store(true)
	enrols("SEP001122334466")
}
