package onlineca_test

import (
	"bytes"
	"crypto/x509"
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
