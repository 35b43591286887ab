package onlineca_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"strings"
	"testing"
	"time"

	"capf/enroll/onlineca"
	"capf/enroll/onlineca/catest"
)

func TestESTEncodings(t *testing.T) {
	t.Parallel()
	for _, encoding := range []string{"", "one-line", "crlf", "blanks", "pem", "der"} {
		for _, ber := range []bool{false, true} {
			for _, chain := range []bool{false, true} {
				t.Run(encoding, func(t *testing.T) {
					t.Parallel()
					s := catest.MustEST(t, catest.ESTOptions{Transport: catest.Transport{Login: catest.UserLogin("Basic")}, Encoding: encoding, BER: ber, Chain: chain})
					c := client(t, s.Server, onlineca.EST, nil)
					for _, key := range []func() []byte{func() []byte { return ecRequest(t) }, func() []byte { return request(t, rsaKey(t, 1024)) }} {
						a, err := c.Submit(t.Context(), key())
						if err != nil || a.State != onlineca.Issued {
							t.Fatalf("%+v, %v", a, err)
						}
						verify(t, s.CA, a)
					}
					all, err := c.CACertificates(t.Context())
					if err != nil || len(all) != 2 {
						t.Errorf("%d CA certificates, %v", len(all), err)
					}
				})
			}
		}
	}
}

func TestESTPending(t *testing.T) {
	t.Parallel()
	now := newClock()
	date := now.Now().Add(time.Hour).UTC().Format(http.TimeFormat)
	for header, longest := range map[string]time.Duration{"7": 7 * time.Second, "": time.Minute, "soon": time.Minute, "-1": time.Minute,
		"99999999": 24 * time.Hour, date: time.Hour, "Mon, 02 Jan 2006 15:04:05 GMT": time.Minute} {
		s := catest.MustEST(t, catest.ESTOptions{Waits: 2, RetryAfter: header})
		c := client(t, s.Server, onlineca.EST, func(c *onlineca.Config) { c.Now = now.Now })
		csr := ecRequest(t)
		for range 2 {
			a, err := c.Submit(t.Context(), csr)
			if err != nil || a.State != onlineca.Pending || a.RetryAfter > longest || a.RetryAfter < longest-time.Second {
				t.Fatalf("%q: %+v, %v", header, a, err)
			}
		}
		a, err := c.Submit(t.Context(), csr)
		if err != nil {
			t.Fatal(err)
		}
		verify(t, s.CA, a)
		if n := len(s.CA.Made()); n != 1 {
			t.Errorf("%d certificates made", n)
		}
	}
}

func TestESTLabels(t *testing.T) {
	t.Parallel()
	s := catest.MustEST(t, catest.ESTOptions{Label: "phones"})
	withLabel := func(label string) *onlineca.Client {
		return client(t, s.Server, onlineca.EST, func(c *onlineca.Config) { c.Template = label })
	}
	if _, err := withLabel("phones").Submit(t.Context(), ecRequest(t)); err != nil {
		t.Error(err)
	}
	for _, label := range []string{"", "other", "a+b"} {
		_, err := withLabel(label).Submit(t.Context(), ecRequest(t))
		if e := failure(t, err, onlineca.ErrUnreachable); e.Code != "404" || !strings.Contains(e.Advice, "label") {
			t.Errorf("%+v", e)
		}
		steps := withLabel(label).Check(t.Context(), nil)
		if last := steps[len(steps)-1]; last.OK || !strings.Contains(last.Advice, "label") {
			t.Errorf("%+v", last)
		}
	}
}

func TestESTClientCertificate(t *testing.T) {
	t.Parallel()
	ca := catest.MustCA(t, catest.Options{})
	own, err := ca.Client("capf")
	if err != nil {
		t.Fatal(err)
	}
	s := catest.MustEST(t, catest.ESTOptions{Transport: catest.Transport{CA: ca, Login: catest.Login{ClientCAs: []*x509.Certificate{ca.Root()}}}})
	with := func(certificate *tls.Certificate) *onlineca.Client {
		return client(t, s.Server, onlineca.EST, func(c *onlineca.Config) {
			c.Username, c.Password, c.ClientCertificate = "", "", certificate
		})
	}
	a, err := with(&own).Submit(t.Context(), ecRequest(t))
	if err != nil {
		t.Fatal(err)
	}
	verify(t, ca, a)
	_, err = with(nil).Submit(t.Context(), ecRequest(t))
	if e := failure(t, err, onlineca.ErrRejected); e.Code != "401" || !strings.Contains(e.Advice, "client certificate") {
		t.Errorf("%+v", e)
	}
	foreign, err := catest.MustCA(t, catest.Options{}).Client("stranger")
	if err != nil {
		t.Fatal(err)
	}
	_, err = with(&foreign).Submit(t.Context(), ecRequest(t))
	if e := failure(t, err, onlineca.ErrUnreachable); !strings.Contains(e.Reason, "does not take our client certificate") {
		t.Errorf("%+v", e)
	}
}

func TestESTRefusals(t *testing.T) {
	t.Parallel()
	s := catest.MustEST(t, catest.ESTOptions{Transport: catest.Transport{Login: catest.UserLogin("Basic")}, MinBits: 2048})
	c := client(t, s.Server, onlineca.EST, nil)
	_, err := c.Submit(t.Context(), request(t, rsaKey(t, 1024)))
	if e := failure(t, err, onlineca.ErrRejected); e.Code != "400" || e.Words != "key has 1024 bits, at least 2048 needed" {
		t.Errorf("%+v", e)
	}
	_, err = c.Submit(t.Context(), unsigned(ecRequest(t)))
	if e := failure(t, err, onlineca.ErrRejected); e.Words != "proof of possession failed" {
		t.Errorf("%+v", e)
	}
	_, err = client(t, s.Server, onlineca.EST, func(c *onlineca.Config) { c.Password = "wr0ng" }).Submit(t.Context(), ecRequest(t))
	if e := failure(t, err, onlineca.ErrRejected); e.Code != "401" || strings.Contains(e.Error(), "wr0ng") {
		t.Errorf("%+v", e)
	}
	_, err = c.Fetch(t.Context(), "41")
	failure(t, err, onlineca.ErrRejected)
	if n := len(s.CA.Made()); n != 0 {
		t.Errorf("%d certificates made", n)
	}
}

func TestESTBadAnswers(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]func(http.ResponseWriter, *http.Request){
		"endless": func(w http.ResponseWriter, r *http.Request) { endless(w, "MIIB") },
		"cut":     func(w http.ResponseWriter, r *http.Request) { cut(w, "MIIB") },
		"bomb":    bomb(),
		"empty":   func(w http.ResponseWriter, r *http.Request) {},
		"proxy": func(w http.ResponseWriter, r *http.Request) {
			w.Write([]byte("<html><title>Login</title>to the network</html>"))
		},
		"no base64":    func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("MIIB*&^")) },
		"no PKCS#7":    func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("MAMCAQE=")) },
		"deep":         func(w http.ResponseWriter, r *http.Request) { w.Write(bytes.Repeat([]byte{0x30, 0x80}, 1<<19)) },
		"204":          func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204) },
		"500":          func(w http.ResponseWriter, r *http.Request) { http.Error(w, "x", 500) },
		"cut at start": func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := catest.MustEST(t, catest.ESTOptions{Transport: catest.Transport{Login: catest.UserLogin("Basic"), Intercept: at("/.well-known/est/simpleenroll", do)}})
			_, err := client(t, s.Server, onlineca.EST, nil).Submit(t.Context(), ecRequest(t))
			if e := failure(t, err, onlineca.ErrUnreachable); !e.Sent {
				t.Errorf("%+v", e)
			}
		})
	}
}

func TestESTIsNotPostedTwice(t *testing.T) {
	t.Parallel()
	s := catest.MustEST(t, catest.ESTOptions{DropPosts: 1})
	c := client(t, s.Server, onlineca.EST, nil)
	_, err := c.Submit(t.Context(), ecRequest(t))
	if e := failure(t, err, onlineca.ErrUnreachable); !e.Sent {
		t.Errorf("%+v", e)
	}
	if n := len(s.CA.Made()); n != 1 {
		t.Errorf("%d certificates made", n)
	}
}

// The issuers cannot be had, but the certificate is not lost.
func TestESTWithoutCACertificates(t *testing.T) {
	t.Parallel()
	s := catest.MustEST(t, catest.ESTOptions{Transport: catest.Transport{Front: at("/.well-known/est/cacerts", func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "x", 500)
	})}})
	a, err := client(t, s.Server, onlineca.EST, nil).Submit(t.Context(), ecRequest(t))
	if err != nil || a.Leaf == nil || len(a.Chain) != 0 {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestLabelsThatCannotBe(t *testing.T) {
	t.Parallel()
	for _, label := range []string{"cacerts", "CSRattrs", "simpleenroll", "a/b", "a b", "a\tb", "..", ".", "a?b", "a#b", "%41", `a\b`} {
		if estKind(t).CheckTemplate(label) == nil {
			t.Errorf("%q is a label", label)
		}
	}
	for _, label := range []string{"", "phones", "phones-2", "a+b", "ü"} {
		if err := estKind(t).CheckTemplate(label); err != nil {
			t.Error(err)
		}
	}
}
