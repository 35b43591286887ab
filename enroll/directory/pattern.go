package directory

import (
	"fmt"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"capf/internal/apperr"
)

// pattern is a text with attributes of an entry in it: literals alternate with
// attributes, a literal first.
type pattern []string

func parsePattern(s string) (pattern, error) {
	var p pattern
	for {
		literal, rest, found := strings.Cut(s, "{")
		if strings.Contains(literal, "}") {
			return nil, apperr.BadValue("%q has a } without a {", s)
		}
		p = append(p, literal)
		if !found {
			return p, nil
		}
		attribute, after, closed := strings.Cut(rest, "}")
		if !closed || !attributeName(attribute) {
			return nil, apperr.BadValue("{%s is not the name of an attribute in braces", rest)
		}
		p, s = append(p, attribute), after
	}
}

// attributeName: RFC 4512, section 2.5, without options.
func attributeName(s string) bool {
	for i, c := range s {
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || c != '-' && c != '.' && (c < '0' || c > '9')) {
			return false
		}
	}
	return s != ""
}

func (p pattern) attributes() (names []string) {
	for i := 1; i < len(p); i += 2 {
		names = append(names, p[i])
	}
	return names
}

// fill substitutes an entry's values. missing is an attribute that the entry
// lacks, or that has several values, none of which can be preferred.
func (p pattern) fill(e *ldap.Entry) (text, problem string) {
	var b strings.Builder
	for i, part := range p {
		if i%2 == 0 {
			b.WriteString(part)
			continue
		}
		switch values := e.GetEqualFoldAttributeValues(part); len(values) {
		case 0:
			return b.String(), fmt.Sprintf("the entry has no attribute %q", part)
		case 1:
			b.WriteString(values[0])
		default:
			return b.String(), fmt.Sprintf("the entry has %d values of the attribute %q", len(values), part)
		}
	}
	return b.String(), ""
}
