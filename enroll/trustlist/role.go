package trustlist

import (
	"fmt"
	"strconv"
	"strings"
)

// Role is what a phone may use a certificate of its list for.
type Role uint16

// The roles. A certificate may stand in several records, with a role each.
const (
	RoleSAST      Role = 0 // signs the list: system administrator security token
	RoleCCM       Role = 1 // SIP or SCCP over TLS
	RoleCCMTFTP   Role = 2 // both
	RoleTFTP      Role = 3 // signs configuration files; HTTPS on port 6971
	RoleCAPF      Role = 4 // shown by CAPF on port 3804
	RoleAppServer Role = 7 // HTTPS servers of phone services
	RoleTVS       Role = 21
)

// roleWords are the words for roles, as the vendor says them in lower case.
var roleWords = []struct {
	role Role
	word string
}{
	{RoleSAST, "sast"}, {RoleCCM, "ccm"}, {RoleCCMTFTP, "ccm+tftp"}, {RoleTFTP, "tftp"},
	{RoleCAPF, "capf"}, {RoleAppServer, "app-server"}, {RoleTVS, "tvs"},
}

// Roles are all roles that have a word.
func Roles() []Role {
	var roles []Role
	for _, w := range roleWords {
		roles = append(roles, w.role)
	}
	return roles
}

// String is the word for r, or its number.
func (r Role) String() string {
	for _, w := range roleWords {
		if w.role == r {
			return w.word
		}
	}
	return strconv.Itoa(int(r))
}

// ParseRole reads a word of String; the case does not matter.
func ParseRole(word string) (Role, error) {
	for _, w := range roleWords {
		if strings.EqualFold(w.word, word) {
			return w.role, nil
		}
	}
	return 0, fmt.Errorf("%q is no role of a certificate in a trust list", word)
}

// Includes reports whether a certificate with role r may be used as one with the other
// role.
func (r Role) Includes(other Role) bool {
	return r == other || r == RoleCCMTFTP && (other == RoleCCM || other == RoleTFTP)
}
