package onlineca_test

import (
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"testing"

	"capf/enroll/onlineca"
	"capf/enroll/onlineca/catest"
)

var languages = [...]string{"en", "fr", "ja"}

func TestIssuedInEveryLanguageByEveryLogin(t *testing.T) {
	t.Parallel()
	for _, language := range languages {
		for _, scheme := range []string{"Basic", "NTLM", "Negotiate"} {
			t.Run(language+" "+scheme, func(t *testing.T) {
				t.Parallel()
				s := catest.MustCertsrv(t, catest.CertsrvOptions{Transport: catest.Transport{Login: catest.UserLogin(scheme)},
					Language: language, Templates: []string{"CiscoRA"}})
				c := client(t, s.Server, onlineca.Microsoft, nil)
				for range 2 { // with and without what the client learns
					verify(t, s.CA, enroll(t, c, ecRequest(t)))
				}
				if n := len(s.CA.Made()); n != 2 {
					t.Errorf("%d certificates made", n)
				}
			})
		}
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name    string
		options catest.CertsrvOptions
		kind    error
		code    string
		advice  string
		id      bool
	}{
		{"denied by the manager", catest.CertsrvOptions{Outcome: catest.Deny}, onlineca.ErrRejected, "0x80094014", "manager", true},
		{"template", catest.CertsrvOptions{Templates: []string{"Other"}}, onlineca.ErrRejected, "0x80094800", "display name", true},
		{"no right", catest.CertsrvOptions{NoEnroll: []string{"CiscoRA"}}, onlineca.ErrRejected, "0x80094012", "Enroll", true},
		{"short key", catest.CertsrvOptions{MinBits: 2048}, onlineca.ErrRejected, "0x80094811", "key", true},
		{"error page", catest.CertsrvOptions{Outcome: catest.Broken}, onlineca.ErrRejected, "0x80094001", "subject", false},
		{"CA service down", catest.CertsrvOptions{Outcome: catest.Away}, onlineca.ErrUnreachable, "0x800706ba", "start", false},
		{"a proxy's page", catest.CertsrvOptions{Outcome: catest.Strange}, onlineca.ErrUnreachable, "", "proxy", false},
	}
	for _, language := range languages {
		for _, tc := range cases {
			t.Run(language+" "+tc.name, func(t *testing.T) {
				t.Parallel()
				tc.options.Language = language
				s := catest.MustCertsrv(t, tc.options)
				_, err := client(t, s.Server, onlineca.Microsoft, nil).Submit(t.Context(), request(t, rsaKey(t, 1024)))
				e := failure(t, err, tc.kind)
				if e.Code != tc.code || !strings.Contains(e.Advice, tc.advice) || (e.RequestID != "") != tc.id {
					t.Errorf("%+v", e)
				}
				if tc.id && (e.Words == "" || !e.Decided || !strings.Contains(e.Words, tc.code)) {
					t.Errorf("words %q, decided %v", e.Words, e.Decided)
				}
				if n := len(s.CA.Made()); n != 0 {
					t.Errorf("%d certificates made", n)
				}
			})
		}
	}
}

func TestPendingUntilTheManagerIssues(t *testing.T) {
	t.Parallel()
	for _, language := range languages {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			s := catest.MustCertsrv(t, catest.CertsrvOptions{Language: language, Outcome: catest.Pend, ManagerPolls: 2})
			c := client(t, s.Server, onlineca.Microsoft, nil)
			a, err := c.Submit(t.Context(), ecRequest(t))
			if err != nil || a.State != onlineca.Pending || a.RequestID != "41" {
				t.Fatalf("%+v, %v", a, err)
			}
			for range 2 {
				if a, err = c.Fetch(t.Context(), a.RequestID); err != nil || a.State != onlineca.Pending {
					t.Fatalf("%+v, %v", a, err)
				}
			}
			// A restart in between: the number is all that is left.
			c = client(t, s.Server, onlineca.Microsoft, nil)
			if a, err = c.Fetch(t.Context(), a.RequestID); err != nil {
				t.Fatal(err)
			}
			verify(t, s.CA, a)
			if n := len(s.CA.Made()); n != 1 {
				t.Errorf("%d certificates made", n)
			}
		})
	}
}

func TestPendingThenDenied(t *testing.T) {
	t.Parallel()
	s := catest.MustCertsrv(t, catest.CertsrvOptions{Language: "ja", Outcome: catest.Pend})
	c := client(t, s.Server, onlineca.Microsoft, nil)
	a, err := c.Submit(t.Context(), ecRequest(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Decide(a.RequestID, catest.Deny); err != nil {
		t.Fatal(err)
	}
	_, err = c.Fetch(t.Context(), a.RequestID)
	e := failure(t, err, onlineca.ErrRejected)
	if !e.Decided || e.RequestID != a.RequestID || e.Code != "0x80094014" {
		t.Errorf("%+v", e)
	}
}

func TestNoProofOfPossession(t *testing.T) {
	t.Parallel()
	s := catest.MustCertsrv(t, catest.CertsrvOptions{Language: "fr"})
	_, err := client(t, s.Server, onlineca.Microsoft, nil).Submit(t.Context(), unsigned(ecRequest(t)))
	e := failure(t, err, onlineca.ErrRejected)
	if e.Code != "0x80090006" || !strings.Contains(e.Advice, "proof of possession") {
		t.Errorf("%+v", e)
	}
}

func TestUnknownAndMalformedNumbers(t *testing.T) {
	t.Parallel()
	s := catest.MustCertsrv(t, catest.CertsrvOptions{})
	c := client(t, s.Server, onlineca.Microsoft, nil)
	_, err := c.Fetch(t.Context(), "7")
	if e := failure(t, err, onlineca.ErrRejected); e.Code != "0x80094004" || !e.Decided {
		t.Errorf("%+v", e)
	}
	before := s.Requests()
	for _, id := range []string{"", "4 1", "41&Enc=b64", "../41", "12345678901", "CACert"} {
		_, err := c.Fetch(t.Context(), id)
		failure(t, err, onlineca.ErrRejected)
	}
	if s.Requests() != before {
		t.Error("a malformed number went to the CA")
	}
}

func TestCertificatesAsText(t *testing.T) {
	t.Parallel()
	s := catest.MustCertsrv(t, catest.CertsrvOptions{TextHTML: true})
	verify(t, s.CA, enroll(t, client(t, s.Server, onlineca.Microsoft, nil), ecRequest(t)))
}

func TestNothingIsSentTwice(t *testing.T) {
	t.Parallel()
	s := catest.MustCertsrv(t, catest.CertsrvOptions{Transport: catest.Transport{Login: catest.UserLogin("NTLM")}, DropPosts: 1, DropFetches: 2})
	c := client(t, s.Server, onlineca.Microsoft, nil)
	_, err := c.Submit(t.Context(), ecRequest(t))
	if e := failure(t, err, onlineca.ErrUnreachable); !e.Sent {
		t.Errorf("not marked as sent: %v", e)
	}
	if n := len(s.CA.Made()); n != 1 {
		t.Fatalf("%d certificates made", n)
	}
	verify(t, s.CA, enroll(t, c, ecRequest(t))) // over two cut fetches
	if n := len(s.CA.Made()); n != 2 {
		t.Errorf("%d certificates made", n)
	}
}

func TestCertificateSurvivesTheWay(t *testing.T) {
	t.Parallel()
	// Three tries, and the transport's own when it finds a kept connection cut.
	s := catest.MustCertsrv(t, catest.CertsrvOptions{DropFetches: 4})
	c := client(t, s.Server, onlineca.Microsoft, nil)
	a, err := c.Submit(t.Context(), ecRequest(t))
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Fetch(t.Context(), a.RequestID)
	if e := failure(t, err, onlineca.ErrUnreachable); e.Sent || e.Decided || e.RequestID != a.RequestID {
		t.Errorf("%+v", e)
	}
	if a, err = c.Fetch(t.Context(), a.RequestID); err != nil {
		t.Fatal(err)
	}
	verify(t, s.CA, a)
	if n := len(s.CA.Made()); n != 1 {
		t.Errorf("%d certificates made", n)
	}
}

// What is wrong with a certificate is for the caller to say: it comes through
// as it is.
func TestOddCertificatesComeThrough(t *testing.T) {
	t.Parallel()
	shapes := map[string]catest.Options{
		"another key":    {OtherKey: true},
		"another name":   {Shape: func(c *x509.Certificate) { c.RawSubject = nil; c.Subject.CommonName = "SEPFFFFFFFFFFFF" }},
		"a CA":           {Shape: func(c *x509.Certificate) { c.IsCA = true }},
		"no key usage":   {Shape: func(c *x509.Certificate) { c.KeyUsage = 0 }},
		"beyond its end": {Shape: func(c *x509.Certificate) { c.NotAfter = c.NotAfter.AddDate(30, 0, 0) }},
	}
	for name, o := range shapes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := catest.MustCertsrv(t, catest.CertsrvOptions{Transport: catest.Transport{CA: catest.MustCA(t, o)}})
			a := enroll(t, client(t, s.Server, onlineca.Microsoft, nil), ecRequest(t))
			if string(a.Leaf) != string(s.CA.Made()[0]) || len(a.Chain) != 2 {
				t.Errorf("leaf differs, or %d in the chain", len(a.Chain))
			}
		})
	}
}

func TestCACertificates(t *testing.T) {
	t.Parallel()
	s := catest.MustCertsrv(t, catest.CertsrvOptions{Language: "fr"})
	all, err := client(t, s.Server, onlineca.Microsoft, nil).CACertificates(t.Context())
	if err != nil || len(all) != 2 {
		t.Fatalf("%d, %v", len(all), err)
	}
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	s := catest.MustCertsrv(t, catest.CertsrvOptions{Transport: catest.Transport{Login: catest.UserLogin("NTLM")}})
	c := client(t, s.Server, onlineca.Microsoft, func(c *onlineca.Config) { c.Limits.Concurrent = 4 })
	csr := ecRequest(t)
	results := make(chan error, 40)
	for range cap(results) {
		go func() {
			a, err := c.Submit(t.Context(), csr)
			if err == nil {
				a, err = c.Fetch(t.Context(), a.RequestID)
			}
			if err == nil && len(a.Chain) != 2 {
				err = fmt.Errorf("%d certificates in the chain", len(a.Chain))
			}
			results <- err
		}()
	}
	for range cap(results) {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	if n := len(s.CA.Made()); n != cap(results) {
		t.Errorf("%d certificates made", n)
	}
	if n := s.MostConnections(); n > 4 {
		t.Errorf("%d connections at once", n)
	}
}

func TestNotARequest(t *testing.T) {
	t.Parallel()
	s := catest.MustCertsrv(t, catest.CertsrvOptions{})
	_, err := client(t, s.Server, onlineca.Microsoft, nil).Submit(t.Context(), []byte("no request"))
	failure(t, err, onlineca.ErrRejected)
	if s.Requests() != 0 {
		t.Error("it went to the CA")
	}
}

func TestConfigurationRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]onlineca.Config{
		"type":     {Host: "ca"},
		"host":     {Type: onlineca.EST},
		"a URL":    {Type: onlineca.EST, Host: "https://ca/"},
		"user":     {Type: onlineca.EST, Host: "ca", Username: "a\nb"},
		"password": {Type: onlineca.EST, Host: "ca", Password: "secret"},
		"template": {Type: onlineca.Microsoft, Host: "ca", Template: "A\r\nSAN:dns=evil"},
		"label":    {Type: onlineca.EST, Host: "ca", Template: "a/b"},
		"cacerts":  {Type: onlineca.EST, Host: "ca", Template: "cacerts"},
		"port":     {Type: onlineca.EST, Host: "ca", Port: 70000},
	} {
		_, err := onlineca.New(c)
		if err == nil || strings.Contains(err.Error(), "secret") || errors.Is(err, onlineca.ErrRejected) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
