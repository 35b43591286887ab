package cmdline

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"capf/internal/apperr"
)

// Privilege is what a session of capf shell needs for a command. The vendor's
// levels are 0, which may look, set keep_alive and clear away stale LSCs; 1, which
// may also carry requests to an offline CA and bring back what it signed; and 4,
// which may do everything.
type Privilege int

const (
	Full Privilege = iota // a command that says nothing gets the strictest
	Offline
	Look
	OutsideShell // the command belongs to the system around the shell, which does not have it
)

// Level is the vendor's number of the privilege.
func (p Privilege) Level() int {
	switch p {
	case Look:
		return 0
	case Offline:
		return 1
	}
	return 4
}

// Role is what an operator is there for. Each may do all that the ones before it may.
type Role int

const (
	Undeclared Role = iota // nobody has decided yet: only an Admin may (TestRoles finds it)
	Reader                 // changes nothing at all
	Helpdesk               // also helps one phone: a string, a lock, an operation
	Operator               // also all that is done day by day
	Admin                  // also what others rely on: trust, issuer, keys, limits that protect
)

// roleNames are the words for the roles, from Reader on.
var roleNames = []string{"reader", "helpdesk", "operator", "admin"}

// Roles are the words for the roles, the least first.
func Roles() []string { return slices.Clone(roleNames) }

// String is the word for the role.
func (r Role) String() string { return roleNames[r.atLeast()-Reader] }

// atLeast is the role that is needed for something that needs r.
func (r Role) atLeast() Role {
	if r == Undeclared {
		return Admin
	}
	return r
}

// ParseRole finds a role by its word.
func ParseRole(s string) (Role, error) {
	i := slices.Index(roleNames, strings.ToLower(s))
	if i < 0 {
		return 0, apperr.BadValue("%q is not %s", s, strings.Join(roleNames, ", "))
	}
	return Reader + Role(i), nil
}

// Needs is what a session of capf shell needs for something.
type Needs struct {
	Privilege Privilege
	Role      Role
}

// Within says whether a session that has these has what is needed.
func (n Needs) Within(has Needs) bool {
	return n.Privilege.Level() <= has.Privilege.Level() && n.Role.atLeast() <= has.Role.atLeast()
}

// Needs is what a session needs for the command as such.
func (c *Command) Needs() Needs { return Needs{c.Privilege, c.Role} }

// RaisedBy are those of the flags for which a session needs more than for the command.
func RaisedBy(needs Needs, flags []cli.Flag) map[string]Needs {
	all := map[string]Needs{}
	for _, f := range flags {
		all[f.Names()[0]] = needs
	}
	return all
}
