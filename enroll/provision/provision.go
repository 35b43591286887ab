// Package provision is for devices in number: selections and what is changed
// about them at once, jobs that do so later, renewal, CSV files, templates and
// LDAP directories. Each device obeys the rules of package enroll as if an
// operator had changed it alone. The package knows nothing of command lines
// and of the wire.
package provision

import (
	"capf/internal/plural"
)

// counted is a number of things in words.
func counted[N int | int64](n N, thing string) string { return plural.Of(n, thing) }
