package onlineca_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"capf/enroll/onlineca"
	"capf/enroll/onlineca/catest"
)

// counted is a server that knows when a password comes, right or wrong. It can
// have its password changed and can be busy.
type counted struct {
	shown   atomic.Int64 // logins that were tried: Basic, or the last message of NTLM
	changed atomic.Bool  // the client's password is right no more
	busy    atomic.Bool
	slow    chan struct{} // what posts wait for, when not nil
}

func (s *counted) front(schemes ...string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		scheme, value, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if !slices.Contains(schemes, scheme) {
			value = "" // a directory is not asked about it
		}
		hello := strings.HasPrefix(value, "TlRMTVNTUAAB") // NTLMSSP, message 1
		if value != "" && !hello {
			s.shown.Add(1)
		}
		if s.busy.Load() {
			http.Error(w, "busy", http.StatusServiceUnavailable)
			return true
		}
		if value != "" && !hello && s.changed.Load() {
			for _, scheme := range schemes {
				w.Header().Add("WWW-Authenticate", scheme)
			}
			w.WriteHeader(http.StatusUnauthorized)
			return true
		}
		if s.slow != nil && r.Method == http.MethodPost && value != "" {
			<-s.slow
		}
		return false
	}
}

// together submits sixteen requests at once and returns how many errors came.
func together(t *testing.T, c *onlineca.Client) (failed int) {
	t.Helper()
	csr := ecRequest(t)
	errs := make(chan error, 16)
	for range cap(errs) {
		go func() {
			_, err := c.Submit(context.Background(), csr)
			errs <- err
		}()
	}
	for range cap(errs) {
		if <-errs != nil {
			failed++
		}
	}
	return failed
}

// site starts a CA of the kind with logins counted.
func site(t *testing.T, kind onlineca.Type, counting *counted, schemes ...string) *catest.Server {
	t.Helper()
	how := catest.Transport{Login: catest.UserLogin(schemes...), Front: counting.front(schemes...)}
	if kind == onlineca.EST {
		return catest.MustEST(t, catest.ESTOptions{Transport: how}).Server
	}
	return catest.MustCertsrv(t, catest.CertsrvOptions{Transport: how}).Server
}

// However the password came to be wrong, and whatever the CA answered before,
// sixteen phones at once have it sent once: with NTLM and Basic by each of them.
func TestOneWrongPasswordForSixteenPhones(t *testing.T) {
	t.Parallel()
	for _, kind := range []onlineca.Type{onlineca.Microsoft, onlineca.EST} {
		for _, offer := range []string{"Basic", "NTLM", "NTLM Basic"} {
			for _, before := range []string{"nothing", "busy", "worked", "worked for many"} {
				t.Run(string(kind)+" "+offer+" "+before, func(t *testing.T) {
					t.Parallel()
					schemes := strings.Fields(offer)
					var counting counted
					s := site(t, kind, &counting, schemes...)
					now := newClock()
					c := client(t, s, kind, func(c *onlineca.Config) { c.Now = now.Now })
					switch before {
					case "busy":
						counting.busy.Store(true)
						if _, err := c.Submit(t.Context(), ecRequest(t)); err == nil {
							t.Fatal("a busy server took a request")
						}
						counting.busy.Store(false)
					case "worked":
						if _, err := c.Submit(t.Context(), ecRequest(t)); err != nil {
							t.Fatal(err)
						}
					case "worked for many":
						if n := together(t, c); n != 0 {
							t.Fatalf("%d failed with the right password", n)
						}
					}
					counting.changed.Store(true)
					now.Sleep(t.Context(), 10*time.Second) // kept connections are closed after five
					counting.shown.Store(0)
					together(t, c)
					if n := counting.shown.Load(); n > int64(len(schemes)) {
						t.Errorf("the wrong password was sent %d times", n)
					}
				})
			}
		}
	}
}

// An EST server that takes its time for each request is still asked by many at
// once.
func TestScoutsDoNotQueueTheOthers(t *testing.T) {
	t.Parallel()
	counting := counted{slow: make(chan struct{})}
	s := site(t, onlineca.EST, &counting, "Basic")
	c := client(t, s, onlineca.EST, nil)
	done := make(chan int)
	go func() { done <- together(t, c) }()
	for sent, let := 0, 0; let < 16; let++ {
		counting.slow <- struct{}{} // one of those that are there goes on
		sent++
	}
	if n := <-done; n != 0 {
		t.Errorf("%d failed", n)
	}
	if n := s.MostConnections(); n < 8 {
		t.Errorf("at most %d were on their way at once", n)
	}
}

// A request that the server fails on again and again keeps nobody else from it.
func TestPoisonedRequest(t *testing.T) {
	t.Parallel()
	for name, poison := range map[string]func(http.ResponseWriter){
		"500":    func(w http.ResponseWriter) { http.Error(w, "x", http.StatusInternalServerError) },
		"broken": func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
		"cut":    func(w http.ResponseWriter) { cut(w, "MII") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var bad atomic.Bool
			s := catest.MustCertsrv(t, catest.CertsrvOptions{Transport: catest.Transport{Login: catest.UserLogin("Basic"),
				Intercept: func(w http.ResponseWriter, r *http.Request) bool {
					if r.FormValue("ReqID") != "7" && !bad.Load() {
						return false
					}
					poison(w)
					return true
				}}})
			c := client(t, s.Server, onlineca.Microsoft, nil)
			for range 10 { // polls of three tries each
				_, err := c.Fetch(t.Context(), "7")
				failure(t, err, onlineca.ErrUnreachable)
			}
			verify(t, s.CA, enroll(t, c, ecRequest(t)))

			bad.Store(true)
			for i := range 5 {
				_, err := c.Fetch(t.Context(), string(rune('1'+i)))
				failure(t, err, onlineca.ErrUnreachable)
			}
			before := s.Requests()
			_, err := c.Submit(t.Context(), ecRequest(t))
			e := failure(t, err, onlineca.ErrUnreachable)
			if s.Requests() != before || e.RetryAfter == 0 {
				t.Errorf("a server that fails on all is asked on: %v", e)
			}
			if name == "500" && !strings.Contains(e.Reason, "answered 500") {
				t.Errorf("the reason is %q", e.Reason)
			}
		})
	}
}
