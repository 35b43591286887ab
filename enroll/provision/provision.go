// Package provision is for devices in number: selections and what is changed
// about them at once, jobs that do so later, renewal, CSV files, templates and
// LDAP directories. Each device obeys the rules of package enroll as if an
// operator had changed it alone. The package knows nothing of command lines
// and of the wire.
package provision

import (
	"fmt"

	"capf/enroll"
	"capf/internal/plural"
)

// kindError is a refusal whose text stands for itself and whose kind can be
// told with errors.Is.
type kindError struct {
	kind error
	text string
	hint string
}

func (e *kindError) Error() string { return e.text }
func (e *kindError) Unwrap() error { return e.kind }

// Hint is what to do about it, in one line; "" when there is no advice.
func (e *kindError) Hint() string { return e.hint }

func refused(hint, format string, args ...any) error {
	return &kindError{enroll.ErrRefused, fmt.Sprintf(format, args...), hint}
}

func badValue(hint, format string, args ...any) error {
	return &kindError{enroll.ErrValue, fmt.Sprintf(format, args...), hint}
}

// counted is a number of things in words.
func counted[N int | int64](n N, thing string) string { return plural.Of(n, thing) }
