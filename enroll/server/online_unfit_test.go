package server_test

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"strings"
	"sync"
	"testing"
	"time"

	"capf/enroll/onlineca"
	"capf/enroll/onlineca/catest"
	"capf/enroll/phone"
	"capf/enroll/server"
	"capf/store"
)

// TestOnlineUnfitAdvice: what is said of a certificate that is not fit fits the
// reason.
func TestOnlineUnfitAdvice(t *testing.T) {
	for _, test := range []struct {
		name   string
		shape  func(*x509.Certificate)
		set    func(*house)
		reason string
		advice string
	}{
		{"clock", func(c *x509.Certificate) { c.NotBefore = time.Now().Add(10 * time.Minute) }, nil, "not valid before", "compare the clocks"},
		{"no tolerance", func(c *x509.Certificate) { c.NotBefore = time.Now().Add(4 * time.Minute) },
			func(h *house) { h.set("clock_tolerance", "0") }, "not valid before", "clock_tolerance"},
		{"expired", func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }, nil, "has expired", "the validity in the template"},
		{"extension", func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3, 4}, Critical: true, Value: []byte{5, 0}}}
		}, nil, "unknown critical extension 1.2.3.4", "take the critical extension off"},
		{"purpose", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }, nil, "extendedKeyUsage without clientAuth", "require_client_auth"},
		{"usage", func(c *x509.Certificate) { c.KeyUsage = 0 }, nil, "keyUsage", "digitalSignature"},
		{"name", func(c *x509.Certificate) { c.RawSubject = nil; c.Subject.CommonName = "SEP0" }, nil, "common name", "supply in the request"},
		{"a CA", func(c *x509.Certificate) { c.IsCA = true }, nil, "is a CA's", "template or profile"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h := open(t, fast)
			ca := catest.MustEST(t, catest.ESTOptions{Transport: catest.Transport{
				CA: catest.MustCA(t, catest.Options{Shape: test.shape}), Login: catest.UserLogin("Basic")}})
			h.online(onlineca.EST, ca.Server)
			if test.set != nil {
				test.set(h)
			}
			h.add(sep, store.Install)
			<-h.waits(sep).done
			h.failed(sep, "Upgrade Failed: CA Rejected Connection", test.reason)
			if _, o := h.request(sep); o.State != store.OnlineUnfit || !strings.Contains(o.Advice, test.advice) || !bytes.Equal(o.Certificate, ca.CA.Made()[0]) {
				t.Errorf("the request is %s, the advice %q, and %d bytes are kept", o.State, o.Advice, len(o.Certificate))
			}
		})
	}
}

// TestOnlineUnusableAnswer: the CA has issued, but not in a way that can be
// used. The certificate is kept, for somebody to revoke it.
func TestOnlineUnusableAnswer(t *testing.T) {
	for _, kind := range []onlineca.Type{onlineca.Microsoft, onlineca.EST} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			h := open(t, fast)
			how := catest.Transport{Login: catest.UserLogin("Basic")}
			var s *catest.Server
			if kind == onlineca.EST {
				s = catest.MustEST(t, catest.ESTOptions{Transport: how, Spoil: catest.PaddedSerial}).Server
			} else {
				s = catest.MustCertsrv(t, catest.CertsrvOptions{Transport: how, Spoil: catest.PaddedSerial}).Server
			}
			h.online(kind, s)
			h.add(sep, store.Install)
			<-h.waits(sep).done
			h.failed(sep, "Upgrade Failed: CA Rejected Connection", "an answer that cannot be used")
			_, o := h.request(sep)
			if want := catest.PaddedSerial(s.CA.Made()[0]); o.State != store.OnlineUnfit || !bytes.Equal(o.Certificate, want) || !strings.Contains(o.Advice, "revoke") {
				t.Errorf("the request is %s, the advice %q, and %d bytes are kept", o.State, o.Advice, len(o.Certificate))
			}
		})
	}
}

// TestOnlineClockAhead: the clock of the CA is ahead of ours. A phone waits for
// its certificate to be valid, unless that takes long; then it has it at once.
func TestOnlineClockAhead(t *testing.T) {
	for _, test := range []struct {
		name           string
		ahead          time.Duration
		tolerance      string
		least, longest time.Duration // of the wait; 0 for none
	}{
		{"a little", 20 * time.Second, "5", 10 * time.Second, 20 * time.Second},
		{"a little, no tolerance", 20 * time.Second, "0", 10 * time.Second, 20 * time.Second},
		{"minutes", 4 * time.Minute, "5", 0, 0},
		{"more minutes", 14 * time.Minute, "15", 0, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex // guards waited
			var waited []time.Duration
			h := open(t, fast, func(c *server.Config) {
				c.Online.After = func(d time.Duration) <-chan time.Time {
					mu.Lock()
					defer mu.Unlock()
					waited = append(waited, d)
					over := make(chan time.Time)
					close(over)
					return over
				}
			})
			ca := catest.MustCertsrv(t, catest.CertsrvOptions{Transport: catest.Transport{Login: catest.UserLogin("Basic"),
				CA: catest.MustCA(t, catest.Options{Shape: func(c *x509.Certificate) {
					if !c.IsCA && c.DNSNames[0] == sep {
						c.NotBefore = time.Now().Add(test.ahead)
					}
				}})}})
			h.online(onlineca.Microsoft, ca.Server)
			h.set("clock_tolerance", test.tolerance)
			h.add(sep, store.Install)
			r, err := h.phone(sep)
			if err != nil || r.Outcome != phone.Installed {
				t.Fatalf("the phone did %v: %v", r.Outcome, err)
			}
			mu.Lock()
			defer mu.Unlock()
			if test.longest == 0 && len(waited) > 0 || test.longest > 0 && (len(waited) != 1 || waited[0] < test.least || waited[0] > test.longest) {
				t.Errorf("it waited for %v", waited)
			}
		})
	}
}
