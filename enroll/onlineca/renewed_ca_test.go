package onlineca_test

import (
	"bytes"
	"crypto/x509"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"capf/enroll/onlineca"
	"capf/enroll/onlineca/catest"
)

// TestRenewedCA: while a client runs, the CA gets a new certificate of its name,
// with a new key or with its old one. What it signs then comes with the new one.
func TestRenewedCA(t *testing.T) {
	t.Parallel()
	for name, newKey := range map[string]bool{"new key": true, "same key": false} {
		for _, kind := range []onlineca.Type{onlineca.Microsoft, onlineca.EST} {
			t.Run(name+", "+string(kind), func(t *testing.T) {
				t.Parallel()
				var longer atomic.Bool // than the first certificate of the CA
				ca := catest.MustCA(t, catest.Options{Shape: func(c *x509.Certificate) {
					if longer.Load() {
						c.NotAfter = time.Now().AddDate(15, 0, 0)
					}
				}})
				var get func() onlineca.Answer
				if kind == onlineca.EST {
					c := client(t, catest.MustEST(t, catest.ESTOptions{Transport: catest.Transport{CA: ca}}).Server, kind, nil)
					get = func() onlineca.Answer {
						a, err := c.Submit(t.Context(), ecRequest(t))
						if err != nil {
							t.Fatal(err)
						}
						return a
					}
				} else {
					c := client(t, catest.MustCertsrv(t, catest.CertsrvOptions{Transport: catest.Transport{CA: ca}}).Server, kind, nil)
					get = func() onlineca.Answer { return enroll(t, c, ecRequest(t)) }
				}
				verify(t, ca, get())
				old := ca.Issuing()
				if err := ca.Renew(newKey, 18*365); err != nil {
					t.Fatal(err)
				}
				longer.Store(true)
				a := get()
				verify(t, ca, a)
				if bytes.Equal(a.Chain[0], old.Raw) {
					t.Error("the chain has the certificate from before the renewal")
				}
			})
		}
	}
}

// TestChainThatIsNotNeeded: a server that fails when it is asked for the chain
// holds up no certificate whose issuer is in capf-trust.
func TestChainThatIsNotNeeded(t *testing.T) {
	t.Parallel()
	ca := catest.MustCA(t, catest.Options{})
	s := catest.MustCertsrv(t, catest.CertsrvOptions{Transport: catest.Transport{CA: ca, Front: at("/certsrv/certnew.p7b", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "x", http.StatusInternalServerError)
	})}})
	c := client(t, s.Server, onlineca.Microsoft, nil)
	a, err := c.Submit(t.Context(), ecRequest(t))
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Fetch(t.Context(), a.RequestID)
	if e := failure(t, err, onlineca.ErrUnreachable); e.Code != "500" {
		t.Errorf("%+v", e)
	}
	c = client(t, s.Server, onlineca.Microsoft, func(c *onlineca.Config) { c.Issuers = append(c.Issuers, ca.Issuing()) })
	if a, err = c.Fetch(t.Context(), a.RequestID); err != nil || a.Leaf == nil {
		t.Errorf("%+v, %v", a, err)
	}
}
