package onlineca_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"

	"capf/enroll/onlineca"
	"capf/enroll/onlineca/catest"
)

func names(steps []onlineca.Step) (all []string) {
	for _, s := range steps {
		all = append(all, s.Name)
	}
	return all
}

func TestCheckMicrosoft(t *testing.T) {
	t.Parallel()
	s := catest.MustCertsrv(t, catest.CertsrvOptions{Transport: catest.Transport{Login: catest.UserLogin("NTLM")}, Templates: []string{"User", "CiscoRA"}})
	c := client(t, s.Server, onlineca.Microsoft, nil)
	steps := c.Check(t.Context(), nil)
	if want := []string{"dns", "tcp", "tls", "authentication", "template"}; !slices.Equal(names(steps), want) {
		t.Fatalf("%+v", steps)
	}
	if n := len(s.CA.Made()); n != 0 {
		t.Errorf("%d certificates made", n)
	}
	steps = c.Check(t.Context(), &onlineca.DryRun{Make: func(string) ([]byte, error) { return ecRequest(t), nil }})
	for _, step := range steps {
		if !step.OK || step.Text == "" || step.Advice != "" {
			t.Errorf("%+v", step)
		}
	}
	if last := steps[len(steps)-1]; last.Name != "enrollment" || len(s.CA.Made()) != 1 {
		t.Errorf("%+v, %d certificates made", last, len(s.CA.Made()))
	}
	s.SetOutcome(catest.Pend)
	steps = c.Check(t.Context(), &onlineca.DryRun{Make: func(string) ([]byte, error) { return ecRequest(t), nil }})
	if last := steps[len(steps)-1]; !last.OK || !strings.Contains(last.Text, "manager") {
		t.Errorf("%+v", last)
	}
}

func TestCheckSaysWhereItEnds(t *testing.T) {
	t.Parallel()
	s := catest.MustCertsrv(t, catest.CertsrvOptions{Transport: catest.Transport{Login: catest.UserLogin("Basic")}, Templates: []string{"User"}, Outcome: catest.Deny})
	cases := []struct {
		step, advice string
		change       func(*onlineca.Config)
	}{
		{"dns", "name servers", func(c *onlineca.Config) {
			c.Lookup = func(context.Context, string) ([]string, error) { return nil, errors.New("no such host") }
		}},
		{"tcp", "firewalls", func(c *onlineca.Config) {
			c.Dial = func(context.Context, string, string) (net.Conn, error) {
				return nil, &net.OpError{Op: "dial", Err: errors.New("refused")}
			}
		}},
		{"tls", "capf-trust", func(c *onlineca.Config) { c.Roots = nil }},
		{"authentication", "online_ca_password", func(c *onlineca.Config) { c.Password = "wrong" }},
		{"template", "online_ca_template", nil},
		{"enrollment", "manager", func(c *onlineca.Config) { c.Template = "User" }},
	}
	for _, tc := range cases {
		steps := client(t, s.Server, onlineca.Microsoft, tc.change).Check(t.Context(), &onlineca.DryRun{Make: func(string) ([]byte, error) { return ecRequest(t), nil }})
		last := steps[len(steps)-1]
		if last.OK || last.Name != tc.step || !strings.Contains(last.Advice, tc.advice) || strings.ContainsAny(last.Text, "\r\n") {
			t.Errorf("%s: %+v", tc.step, last)
		}
	}
}

func TestCheckEST(t *testing.T) {
	t.Parallel()
	s := catest.MustEST(t, catest.ESTOptions{Transport: catest.Transport{Login: catest.UserLogin("Basic")}})
	steps := client(t, s.Server, onlineca.EST, nil).Check(t.Context(), &onlineca.DryRun{Make: func(string) ([]byte, error) { return ecRequest(t), nil }})
	for _, step := range steps {
		if !step.OK {
			t.Errorf("%+v", step)
		}
	}
	if len(steps) != 6 || len(s.CA.Made()) != 1 || !strings.Contains(steps[3].Text, "BASIC") {
		t.Errorf("%+v", steps)
	}
	steps = client(t, s.Server, onlineca.EST, func(c *onlineca.Config) { c.Password = "wrong" }).Check(t.Context(), nil)
	if last := steps[len(steps)-1]; last.OK || last.Name != "authentication" {
		t.Errorf("%+v", last)
	}
}
