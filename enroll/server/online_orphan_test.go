package server_test

import (
	"crypto/x509"
	"net/http"
	"strings"
	"testing"

	"capf/enroll/onlineca"
	"capf/enroll/onlineca/catest"
	"capf/internal/serialnumber"
	"capf/store"
)

// TestOnlineOrphans: a request is deleted while the CA works on it. What the CA
// makes all the same is found in the record: by its number, or by its serial.
func TestOnlineOrphans(t *testing.T) {
	deleted := map[string]func(*house){
		"by number": func(h *house) {
			r, _ := h.request(sep)
			if _, err := h.base.Store.DeleteRequests(h.Context(), operator, []int64{r.ID}); err != nil {
				h.Error(err)
			}
		},
		"all": func(h *house) {
			if _, err := h.base.Store.DeleteRequests(h.Context(), operator, nil); err != nil {
				h.Error(err)
			}
		},
		"by age": func(h *house) {
			if _, err := h.base.Store.DeleteRequestsBefore(h.Context(), operator, h.clock.now().AddDate(1, 0, 0)); err != nil {
				h.Error(err)
			}
		},
	}
	for _, kind := range []onlineca.Type{onlineca.Microsoft, onlineca.EST} {
		for how, remove := range deleted {
			t.Run(string(kind)+" "+how, func(t *testing.T) {
				t.Parallel()
				h := open(t, fast)
				during := catest.Transport{Login: catest.UserLogin("Basic"), Intercept: func(_ http.ResponseWriter, r *http.Request) bool {
					if r.Method == http.MethodPost {
						remove(h)
					}
					return false
				}}
				var s *catest.Server
				if kind == onlineca.Microsoft {
					s = catest.MustCertsrv(t, catest.CertsrvOptions{Transport: during}).Server
				} else {
					s = catest.MustEST(t, catest.ESTOptions{Transport: during}).Server
				}
				h.online(kind, s)
				h.add(sep, store.Install)
				<-h.waits(sep).done
				id := "request 41"
				eventually(t, "the CA has issued", func() bool { return len(s.CA.Made()) == 1 })
				if kind == onlineca.EST {
					c, err := x509.ParseCertificate(s.CA.Made()[0])
					if err != nil {
						t.Fatal(err)
					}
					id = "serial " + serialnumber.Text(c.SerialNumber)
				}
				h.orphan("was on its way")
				h.orphan(id)
			})
		}
	}
}

// TestOnlineOrphanAtTheManager: a request that waits for a manager of the CA is
// deleted, and the manager issues.
func TestOnlineOrphanAtTheManager(t *testing.T) {
	t.Parallel()
	h := open(t, fast)
	ca := catest.MustCertsrv(t, catest.CertsrvOptions{Transport: catest.Transport{Login: catest.UserLogin("Basic")}, Outcome: catest.Pend})
	h.online(onlineca.Microsoft, ca.Server)
	h.add(sep, store.Install)
	w := h.waits(sep)
	r, _ := h.until(sep, store.OnlineTaken)
	if _, err := h.base.Store.DeleteRequests(t.Context(), operator, []int64{r.ID}); err != nil {
		t.Fatal(err)
	}
	<-w.done
	h.orphan("has as its request 41")
}

// TestOnlineUnfitIsInTheRecord: the certificate that failed a check is found
// after its request has been deleted.
func TestOnlineUnfitIsInTheRecord(t *testing.T) {
	t.Parallel()
	h := open(t, fast)
	ca := catest.MustEST(t, catest.ESTOptions{Transport: catest.Transport{
		CA: catest.MustCA(t, catest.Options{Shape: func(c *x509.Certificate) { c.KeyUsage = 0 }}), Login: catest.UserLogin("Basic")}})
	h.online(onlineca.EST, ca.Server)
	h.add(sep, store.Install)
	<-h.waits(sep).done
	c, err := x509.ParseCertificate(ca.CA.Made()[0])
	if err != nil {
		t.Fatal(err)
	}
	h.failed(sep, "Upgrade Failed: CA Rejected Connection", "serial "+serialnumber.Text(c.SerialNumber))
}

// orphan waits for an event about what the CA has and nobody waits for.
func (h *house) orphan(detail string) {
	h.Helper()
	eventually(h, "an event that says "+detail, func() bool {
		for e, err := range h.base.Store.Events(h.Context(), store.EventFilter{Device: sep, Action: store.Orphaned}) {
			if err != nil {
				h.Fatal(err)
			}
			if strings.Contains(e.Detail, detail) {
				return true
			}
		}
		return false
	})
}
