package onlineca_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"capf/enroll/onlineca"
	"capf/enroll/onlineca/catest"
)

func TestExtendedProtection(t *testing.T) {
	t.Parallel()
	for _, protection := range []string{"", "allowed", "required"} {
		for _, scheme := range []string{"NTLM", "Negotiate"} {
			t.Run(scheme+" "+protection, func(t *testing.T) {
				t.Parallel()
				l := catest.UserLogin(scheme)
				l.ExtendedProtection = protection
				s := catest.MustCertsrv(t, catest.CertsrvOptions{Transport: catest.Transport{Login: l}})
				verify(t, s.CA, enroll(t, client(t, s.Server, onlineca.Microsoft, nil), ecRequest(t)))
				if s.Refused() != 0 {
					t.Errorf("%d logins refused", s.Refused())
				}
			})
		}
	}
}

// A login is made once for a connection, or for every request where the server
// wants it so.
func TestLoginsByConnection(t *testing.T) {
	t.Parallel()
	for _, each := range []bool{false, true} {
		l := catest.UserLogin("Negotiate", "NTLM", "Basic")
		l.EachRequest = each
		s := catest.MustCertsrv(t, catest.CertsrvOptions{Transport: catest.Transport{Login: l}})
		c := client(t, s.Server, onlineca.Microsoft, nil)
		enroll(t, c, ecRequest(t))
		enroll(t, c, ecRequest(t))
		// Start page, POST, certificate, chain; start page, POST, certificate.
		if want := map[bool]int{false: 1, true: 7}[each]; s.Logins() != want {
			t.Errorf("each request %v: %d logins, not %d", each, s.Logins(), want)
		}
		if n := len(s.CA.Made()); n != 2 {
			t.Errorf("%d certificates made", n)
		}
	}
}

func TestUserNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{user, `TEST\` + user, user + "@test.local", strings.ToUpper(user)} {
		for _, scheme := range []string{"Basic", "NTLM"} {
			s := catest.MustCertsrv(t, catest.CertsrvOptions{Transport: catest.Transport{Login: catest.UserLogin(scheme)}})
			enroll(t, client(t, s.Server, onlineca.Microsoft, func(c *onlineca.Config) { c.Username = name }), ecRequest(t))
		}
	}
}

// NTLM is tried first; where only its login fails, Basic may still work.
func TestBasicAfterNTLM(t *testing.T) {
	t.Parallel()
	s := catest.MustCertsrv(t, catest.CertsrvOptions{Transport: catest.Transport{Login: catest.UserLogin("NTLM", "Basic"),
		Front: func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.HasPrefix(r.Header.Get("Authorization"), "NTLM") {
				return false
			}
			w.Header()["Www-Authenticate"] = []string{"NTLM, Basic realm=x"}
			w.WriteHeader(http.StatusUnauthorized)
			return true
		}}})
	enroll(t, client(t, s.Server, onlineca.Microsoft, nil), ecRequest(t))
}

func TestWrongPassword(t *testing.T) {
	t.Parallel()
	for _, scheme := range []string{"Basic", "NTLM"} {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			s := catest.MustCertsrv(t, catest.CertsrvOptions{Transport: catest.Transport{Login: catest.UserLogin(scheme)}})
			now := newClock()
			c := client(t, s.Server, onlineca.Microsoft, func(c *onlineca.Config) { c.Password, c.Now = "wr0ng&secret", now.Now })
			errs := make(chan error, 20)
			csr := ecRequest(t)
			for range cap(errs) {
				go func() {
					_, err := c.Submit(context.Background(), csr)
					errs <- err
				}()
			}
			for range cap(errs) {
				e := failure(t, <-errs, onlineca.ErrRejected)
				if e.Code != "401" || e.Sent || !strings.Contains(e.Advice, "online_ca_password") || strings.Contains(e.Error(), "secret") {
					t.Errorf("%+v", e)
				}
			}
			if s.Refused() != 1 {
				t.Errorf("the wrong password was sent %d times", s.Refused())
			}
			now.Sleep(t.Context(), 2*time.Minute)
			_, err := c.Submit(t.Context(), csr)
			failure(t, err, onlineca.ErrRejected)
			if s.Refused() != 2 {
				t.Errorf("after the pause, sent %d times", s.Refused())
			}
		})
	}
}

func TestLoginsThatCannotBe(t *testing.T) {
	t.Parallel()
	s := catest.MustCertsrv(t, catest.CertsrvOptions{Transport: catest.Transport{Login: catest.UserLogin("Digest")}})
	_, err := client(t, s.Server, onlineca.Microsoft, nil).Submit(t.Context(), ecRequest(t))
	if e := failure(t, err, onlineca.ErrRejected); !strings.Contains(e.Reason, "only Digest") {
		t.Error(e)
	}
	s = catest.MustCertsrv(t, catest.CertsrvOptions{Transport: catest.Transport{Login: catest.UserLogin("Basic")}})
	_, err = client(t, s.Server, onlineca.Microsoft, func(c *onlineca.Config) { c.Username, c.Password = "", "" }).Submit(t.Context(), ecRequest(t))
	if e := failure(t, err, onlineca.ErrRejected); !strings.Contains(e.Advice, "online_ca_username") {
		t.Error(e)
	}
}

// Challenges that break the rules end the login, nothing more.
func TestBadChallenges(t *testing.T) {
	t.Parallel()
	for _, challenge := range []string{"", "!!!", "TlRMTVNTUAACAAAA",
		"TlRMTVNTUAACAAAABAAEADgAAAAFgomiAAAAAAAAAAAAAAAAAAAAAP8A/wD/////CgBjRQAAAA8="} {
		s := catest.MustCertsrv(t, catest.CertsrvOptions{Transport: catest.Transport{Front: func(w http.ResponseWriter, r *http.Request) bool {
			offer := "NTLM"
			if r.Header.Get("Authorization") != "" {
				offer = strings.TrimSpace("NTLM " + challenge)
			}
			w.Header().Set("WWW-Authenticate", offer)
			w.WriteHeader(http.StatusUnauthorized)
			return true
		}}})
		_, err := client(t, s.Server, onlineca.Microsoft, nil).Submit(t.Context(), ecRequest(t))
		var e *onlineca.Error
		if !errors.As(err, &e) || e.Sent {
			t.Errorf("%q: %v", challenge, err)
		}
	}
}

// A proxy's page that repeats our headers must not bring the password into an
// error.
func TestEchoedCredentials(t *testing.T) {
	t.Parallel()
	s := catest.MustCertsrv(t, catest.CertsrvOptions{Transport: catest.Transport{Login: catest.UserLogin("Basic"),
		Intercept: at("/certsrv/certfnsh.asp", func(w http.ResponseWriter, r *http.Request) {
			_, pass, _ := r.BasicAuth()
			w.WriteHeader(http.StatusForbidden)
			w.Write([]byte("<html><body>You sent " + r.Header.Get("Authorization") + " that is " + strings.ReplaceAll(pass, "&", "&amp;") + "\x1b[2J\x00</body></html>"))
		})}})
	_, err := client(t, s.Server, onlineca.Microsoft, nil).Submit(t.Context(), ecRequest(t))
	e := failure(t, err, onlineca.ErrRejected)
	if e.Words != "You sent Basic [hidden] that is [hidden] [2J" {
		t.Errorf("words %q", e.Words)
	}
}
