package directory

import (
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"
)

// FuzzPattern: a pattern is refused or filled, with nothing of the entry in it
// but the values of its attributes.
func FuzzPattern(f *testing.F) {
	for _, seed := range [][3]string{
		{"SEP{macAddress}", "macAddress", "001122334455"}, {"{cn}{cn}", "cn", "{cn}"}, {"{", "cn", "x"}, {"}", "cn", "x"}, {"{a b}", "a b", "x"},
		{"{userCertificate;binary}", "usercertificate", "\x00"}, {"{1.2.3}", "1.2.3", "x"}, {"plain", "", ""},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, text, attribute, value string) {
		p, err := parsePattern(text)
		if err != nil {
			return
		}
		for _, name := range p.attributes() {
			if !attributeName(name) {
				t.Errorf("the attribute %q", name)
			}
		}
		e := &ldap.Entry{Attributes: []*ldap.EntryAttribute{{Name: attribute, Values: []string{value}}}}
		got, problem := p.fill(e)
		if problem != "" {
			return
		}
		want := text
		for _, name := range p.attributes() {
			if !strings.EqualFold(name, attribute) {
				t.Errorf("%q is filled from %q", text, attribute)
			}
		}
		if len(p) == 1 && got != want {
			t.Errorf("%q becomes %q", text, got)
		}
		if n := len(p) / 2; len(got) != len(strings.Join(literals(p), ""))+n*len(value) {
			t.Errorf("%q with %q becomes %q", text, value, got)
		}
	})
}

func literals(p pattern) (list []string) {
	for i := 0; i < len(p); i += 2 {
		list = append(list, p[i])
	}
	return list
}
