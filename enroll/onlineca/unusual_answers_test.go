package onlineca_test

import (
	"bytes"
	"crypto/x509"
	"io"
	"net/http"
	"sync"
	"testing"

	"capf/enroll/onlineca"
	"capf/enroll/onlineca/catest"
)

// A certificate that comes with another number than 200 is one.
func TestESTAnyGoodStatus(t *testing.T) {
	t.Parallel()
	for _, status := range []int{200, 201, 202, 203, 299} {
		for _, encoding := range []string{"", "pem", "der"} {
			s := catest.MustEST(t, catest.ESTOptions{Status: status, Encoding: encoding})
			a, err := client(t, s.Server, onlineca.EST, nil).Submit(t.Context(), ecRequest(t))
			if err != nil || a.State != onlineca.Issued {
				t.Fatalf("%d %s: %+v, %v", status, encoding, a, err)
			}
			verify(t, s.CA, a)
		}
	}
}

// What the CA has made is not lost with the answer in which it came.
func TestCertificateOfAnUnusableAnswer(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]catest.ESTOptions{
		"500":                 {Status: 500},
		"400":                 {Status: 400},
		"unreadable":          {Spoil: catest.PaddedSerial},
		"unreadable, chain":   {Spoil: catest.PaddedSerial, Chain: true},
		"unreadable, der":     {Spoil: catest.PaddedSerial, Encoding: "der"},
		"unreadable, BER pem": {Spoil: catest.PaddedSerial, Encoding: "pem", BER: true},
	} {
		s := catest.MustEST(t, o)
		_, err := client(t, s.Server, onlineca.EST, nil).Submit(t.Context(), ecRequest(t))
		kind := onlineca.ErrUnreachable
		if o.Status == 400 {
			kind = onlineca.ErrRejected
		}
		e := failure(t, err, kind)
		want := s.CA.Made()[0]
		if o.Spoil != nil {
			want = o.Spoil(want)
			if _, err := x509.ParseCertificate(want); err == nil {
				t.Fatal("the certificate can be read")
			}
		}
		if !bytes.Equal(e.Certificate, want) {
			t.Errorf("%s: %d bytes are kept, not the certificate: %v", name, len(e.Certificate), err)
		}
	}
	s := catest.MustCertsrv(t, catest.CertsrvOptions{Spoil: catest.PaddedSerial})
	c := client(t, s.Server, onlineca.Microsoft, nil)
	a, err := c.Submit(t.Context(), ecRequest(t))
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Fetch(t.Context(), a.RequestID)
	if e := failure(t, err, onlineca.ErrUnreachable); !bytes.Equal(e.Certificate, catest.PaddedSerial(s.CA.Made()[0])) {
		t.Errorf("%v: %d bytes are kept", e, len(e.Certificate))
	}
}

// libest closes the connection after each answer and does not say so.
func TestServerThatClosesWithoutAWord(t *testing.T) {
	t.Parallel()
	for _, kind := range []onlineca.Type{onlineca.EST, onlineca.Microsoft} {
		silently := func(w http.ResponseWriter, r *http.Request) bool {
			if r.Header.Get("Authorization") != "" {
				return false
			}
			io.Copy(io.Discard, r.Body)
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return true
			}
			io.WriteString(conn, "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=x\r\nContent-Length: 0\r\n\r\n")
			conn.Close()
			return true
		}
		how := catest.Transport{Login: catest.UserLogin("Basic"), Front: silently}
		var s *catest.Server
		if kind == onlineca.EST {
			s = catest.MustEST(t, catest.ESTOptions{Transport: how}).Server
		} else {
			s = catest.MustCertsrv(t, catest.CertsrvOptions{Transport: how}).Server
		}
		for range 10 {
			c := client(t, s, kind, nil)
			for range 3 { // the login is remembered
				if _, err := c.Submit(t.Context(), ecRequest(t)); err != nil {
					t.Errorf("%s: %v", kind, err)
				}
			}
		}
		if n := len(s.CA.Made()); n != 30 {
			t.Errorf("%s: %d certificates made", kind, n)
		}
	}
}

// A request goes out on a connection of its own: one that the server is just
// closing swallows none.
func TestRequestsOnConnectionsThatClose(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex // guards seen
	seen := map[string]bool{}
	s := catest.MustEST(t, catest.ESTOptions{Transport: catest.Transport{Login: catest.UserLogin("Basic"), Intercept: func(_ http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		if r.Method == http.MethodPost && seen[r.RemoteAddr] {
			t.Error("a request came on a connection that was used before")
		}
		seen[r.RemoteAddr] = true
		return false
	}}})
	c := client(t, s.Server, onlineca.EST, nil)
	for range 5 {
		if _, err := c.Submit(t.Context(), ecRequest(t)); err != nil {
			t.Error(err)
		}
	}
}
