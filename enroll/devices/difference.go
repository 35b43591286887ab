package devices

import (
	"strings"
	"time"

	"capf/enroll/secrets"
	"capf/store"
)

// Difference returns the part of the edit that the device does not have yet, so
// that repeating an edit does not schedule anything again. An operation that is
// late can no longer be completed, so it is scheduled again, unless the edit
// names the very time that has passed. A span begins when the operation is scheduled, so
// it says nothing of one that is.
func (r *Rules) Difference(d store.Device, e Edit) (Edit, error) {
	// Lists show whole seconds.
	sameTime := e.CompletesBy != nil && e.CompletesBy.From(r.Now()).Truncate(time.Second).Equal(d.CompletesBy.Truncate(time.Second))
	asked := e.Operation != nil
	if sameTime || !d.Late(r.Now()) {
		drop(&e.Operation, d.Operation)
	}
	if e.Operation == nil && (sameTime || asked && e.CompletesBy != nil && e.CompletesBy.span != "") {
		e.CompletesBy = nil
	}
	for _, a := range attributes {
		if !a.Secret && !a.scheduled {
			a.drop(&e, &d)
		}
	}
	e.NoString = e.NoString && d.SealedString != nil
	if e.String == nil {
		return e, nil
	}
	s, err := secrets.AuthenticationString(r.Sealer, d)
	if err == nil {
		drop(&e.String, s)
	}
	return e, err
}

// Overdue reports whether a Difference exists only because the device's
// operation is late.
func (e Edit) Overdue(d store.Device) bool {
	return e.Operation != nil && *e.Operation == d.Operation && e == (Edit{Operation: e.Operation, CompletesBy: e.CompletesBy})
}

func drop[T comparable](wanted **T, is T) {
	if *wanted != nil && **wanted == is {
		*wanted = nil
	}
}

// dropText ignores blanks around a text, which an earlier capf stored.
func dropText(wanted **string, is string) {
	if *wanted != nil && strings.TrimSpace(**wanted) == strings.TrimSpace(is) {
		*wanted = nil
	}
}
