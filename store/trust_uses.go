package store

import (
	"fmt"
	"slices"
	"strings"
)

// Uses is the set of purposes for which a certificate in capf-trust vouches. A
// path to an anchor says who signed a certificate, not for what; so each check
// uses only the anchors for its purpose.
type Uses uint8

// The uses of a trust certificate.
const (
	ForMIC        Uses = 1 << iota // manufacturers: MICs and SUDIs
	ForLSC                         // issuers of LSCs: our own CAPF and company CAs
	ForForeignLSC                  // another cluster's CAPF
	ForHTTPS                       // the web server of the online CA
)

var useNames = []string{"mic", "lsc", "foreign-lsc", "https"}

// UseNames lists the words for uses, for help texts and completion.
func UseNames() []string { return slices.Clone(useNames) }

// ParseUses reads words of UseNames, each of which may be several with commas
// between them.
func ParseUses(words ...string) (Uses, error) {
	var u Uses
	for _, word := range words {
		for name := range strings.SplitSeq(word, ",") {
			i := slices.Index(useNames, strings.ToLower(strings.TrimSpace(name)))
			if i < 0 {
				return 0, fmt.Errorf("%q is not a use of a certificate; a use is one of %s", name, strings.Join(useNames, ", "))
			}
			u |= 1 << i
		}
	}
	return u, nil
}

// Has reports whether all uses of the other set are in this one.
func (u Uses) Has(other Uses) bool { return u&other == other }

// Names returns the words for the uses in the set, none for an empty one.
func (u Uses) Names() []string {
	names := []string{}
	for i, name := range useNames {
		if u.Has(1 << i) {
			names = append(names, name)
		}
	}
	return names
}

// String returns the words with commas between them.
func (u Uses) String() string { return strings.Join(u.Names(), ",") }

// use is one use of a set in a column.
type use struct {
	in  *Uses
	bit Uses
}

// Scan reads 0 or 1.
func (v use) Scan(src any) error {
	n, ok := src.(int64)
	if !ok {
		return fmt.Errorf("0 or 1 was expected in the database, not %T", src)
	}
	*v.in &^= v.bit
	if n != 0 {
		*v.in |= v.bit
	}
	return nil
}
