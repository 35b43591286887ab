package onlineca_test

import (
	"crypto/x509"
	"strings"
	"testing"

	"capf/enroll/onlineca"
	"capf/enroll/onlineca/catest"
)

// A browser gets the number of its certificate in a script, in links, or the
// certificate itself.
func TestIssuedAsABrowserGetsIt(t *testing.T) {
	t.Parallel()
	for _, language := range languages {
		for _, links := range []bool{false, true} {
			s := catest.MustCertsrv(t, catest.CertsrvOptions{Language: language, Links: links})
			verify(t, s.CA, enroll(t, client(t, s.Server, onlineca.Microsoft, nil), ecRequest(t)))
		}
	}
	for _, direct := range []string{"cer", "p7b"} {
		s := catest.MustCertsrv(t, catest.CertsrvOptions{Direct: direct})
		for name, roots := range map[string]*x509.Certificate{"the root is trusted": s.CA.Root(), "the issuer is trusted": s.CA.Issuing()} {
			c := client(t, s.Server, onlineca.Microsoft, func(c *onlineca.Config) { c.Roots = append(c.Roots, roots) })
			a, err := c.Submit(t.Context(), ecRequest(t))
			made := s.CA.Made()
			if err != nil || a.State != onlineca.Issued || a.RequestID != "" || string(a.Leaf) != string(made[len(made)-1]) {
				t.Fatalf("%s, %s: %+v, %v", direct, name, a, err)
			}
			if direct == "p7b" || name == "the root is trusted" {
				verify(t, s.CA, a)
			}
		}
	}
}

// The error page in both of its forms, with the code at each of its labels.
func TestErrorPages(t *testing.T) {
	t.Parallel()
	for _, list := range []bool{false, true} {
		for _, label := range []string{"locLastStatLabel", "locResultLabel", "locComInfoLabel"} {
			for _, language := range languages {
				o := catest.CertsrvOptions{Language: language, Lists: list, CodeAt: label, Outcome: catest.Broken}
				s := catest.MustCertsrv(t, o)
				_, err := client(t, s.Server, onlineca.Microsoft, nil).Submit(t.Context(), ecRequest(t))
				if e := failure(t, err, onlineca.ErrRejected); e.Code != "0x80094001" || !strings.Contains(e.Advice, "subject") || e.Words == "" {
					t.Errorf("list %v, %s: %+v", list, label, e)
				}
				o.Outcome = catest.Away
				for _, code := range []string{"0x800706ba", "0x800706b5", "0x80070005"} {
					o.AwayCode = code
					s := catest.MustCertsrv(t, o)
					_, err := client(t, s.Server, onlineca.Microsoft, nil).Submit(t.Context(), ecRequest(t))
					e := failure(t, err, onlineca.ErrUnreachable)
					if e.Code != code || e.Sent || !e.Temporary() || e.Decided {
						t.Errorf("list %v, %s: %+v", list, label, e)
					}
					for _, word := range []string{"start Active Directory Certificate Services", "firewall", "delegation"} {
						if !strings.Contains(e.Advice, word) {
							t.Errorf("%s: the advice %q does not speak of %q", code, e.Advice, word)
						}
					}
				}
				// A manager has not decided yet, or has said no.
				o = catest.CertsrvOptions{Language: language, Lists: list, CodeAt: label, Outcome: catest.Pend}
				s = catest.MustCertsrv(t, o)
				c := client(t, s.Server, onlineca.Microsoft, nil)
				a, err := c.Submit(t.Context(), ecRequest(t))
				if err != nil {
					t.Fatal(err)
				}
				if a, err = c.Fetch(t.Context(), a.RequestID); err != nil || a.State != onlineca.Pending {
					t.Errorf("list %v: %+v, %v", list, a, err)
				}
				if err := s.Decide("41", catest.Deny); err != nil {
					t.Fatal(err)
				}
				_, err = c.Fetch(t.Context(), "41")
				if e := failure(t, err, onlineca.ErrRejected); !e.Decided || e.Code != "0x80094014" {
					t.Errorf("list %v, %s: %+v", list, label, e)
				}
			}
		}
	}
}
