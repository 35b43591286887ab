package settings

import (
	"math"
	"slices"
	"strings"
	"testing"
)

// TestPasswordStaysAtItsServer: the password of the online CA is not sent to another
// server than the one it was given for.
func TestPasswordStaysAtItsServer(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, before string // the host when the password is given, "" for none yet
		parameter    string
		value        string
		dropped      bool
	}{
		{"another host", "ca.example.com", OnlineHost, "other.example.com", true},
		{"no host", "ca.example.com", OnlineHost, notSet, true},
		{"the same host", "ca.example.com", OnlineHost, "ca.example.com", false},
		{"the same host in other letters", "ca.example.com", OnlineHost, "CA.Example.com", false},
		{"another port", "ca.example.com", OnlinePort, "8443", true},
		{"the same port", "ca.example.com", OnlinePort, "443", false},
		{"another template", "ca.example.com", OnlineTemplate, "Phones", false},
		{"the first host", "", OnlineHost, "ca.example.com", false},
		{"a port before the first host", "", OnlinePort, "8443", false},
		{"a host after none", notSet, OnlineHost, "ca.example.com", false},
	} {
		s, sealer := open(t)
		set := func(name, value string) Change {
			t.Helper()
			c, err := Set(t.Context(), s, operator, name, value)
			if err != nil {
				t.Fatalf("%s: %v", test.name, err)
			}
			return c
		}
		if test.before != "" {
			set(OnlineHost, test.before)
		}
		if _, err := SetSecret(t.Context(), s, sealer, operator, OnlinePassword, []byte("a secret word")); err != nil {
			t.Fatal(err)
		}
		c := set(test.parameter, test.value)
		is, err := HasSecret(t.Context(), s.Reader, OnlinePassword)
		if err != nil || is == test.dropped || slices.Contains(c.Dropped, OnlinePassword) != test.dropped {
			t.Errorf("%s: there is a password: %v; said to be dropped is %q; %v", test.name, is, c.Dropped, err)
		}
		if !test.dropped {
			continue
		}
		if c := set(OnlineHost, "third.example.com"); len(c.Dropped) > 0 {
			t.Errorf("%s: said to be dropped again is %q", test.name, c.Dropped)
		}
	}
}

// TestValues: a list shows what is in force, and what was set.
func TestValues(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	for name, value := range map[string]string{OnlineHost: "ca.example.com", OnlineTemplate: "NONE", "keep_alive": "20"} {
		if _, err := Set(t.Context(), s, operator, name, value); err != nil {
			t.Fatal(err)
		}
	}
	values, err := Values(t.Context(), s.Reader)
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]Value{}
	for _, v := range values {
		shown[v.Name] = v
	}
	for name, want := range map[string]struct {
		value string
		set   bool
	}{
		OnlineHost: {"ca.example.com", true}, OnlineTemplate: {notSet, true}, "keep_alive": {"20", true},
		FIPSMode: {"false", false}, OnlinePassword: {notSet, false},
	} {
		if v := shown[name]; v.Value != want.value || v.Set != want.set {
			t.Errorf("%s: %q, set %v; want %q, %v", name, v.Value, v.Set, want.value, want.set)
		}
	}
	inForce, err := Read(t.Context(), s.Reader)
	if err != nil || inForce.Online.Host != "ca.example.com" || inForce.Online.Template != "" {
		t.Errorf("in force: host %q, template %q, %v", inForce.Online.Host, inForce.Online.Template, err)
	}
}

// TestOldTLS warns of the versions that are weak, and of no other.
func TestOldTLS(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	for version, warns := range map[string]bool{"1.0": true, "1.1": true, "1.2": false, "1.3": false} {
		c, err := Set(t.Context(), s, operator, "tls_min_version", version)
		if err != nil || strings.Contains(c.Warning, "weak") != warns || !warns && c.Warning != "" {
			t.Errorf("%s: the warning is %q, %v", version, c.Warning, err)
		}
	}
}

// TestShares holds the least and the most, and that nothing but 0 lies below.
func TestShares(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]float64{
		"1/10": 0.1, "0.1": 0.1, "10%": 0.1, "19/20": 0.95, "95%": 0.95, "0/5": 0, "0": 0,
		"9/100": -1, "0.09": -1, "9%": -1, "0.951": -1, "96%": -1, "1": -1, "1/0": -1,
	} {
		text, err := parseShare(value)
		switch {
		case want < 0:
			if err == nil {
				t.Errorf("%s is %s", value, text)
			}
		case err != nil || math.Abs(share(text)-want) > 1e-12:
			t.Errorf("%s is %q, %v", value, text, err)
		}
	}
}
