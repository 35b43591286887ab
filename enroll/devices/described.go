package devices

import (
	"capf/enroll/settings"
	"capf/internal/apperr"
	"capf/store"
)

// Described returns the part of a description that the device is not like yet, as
// Difference does of an edit. An edit is made once, a description is held against the
// device again and again, so an operation in it says what the phone should have in the
// end: install an LSC that has not expired, delete none. It is scheduled while that is
// not so, and not again once it is. Have is the device's installed LSC. apperr.ErrRefused:
// the operation is no state.
func (r *Rules) Described(d store.Device, e Edit, have store.LSCFacts, s settings.Settings) (Edit, error) {
	has := have.Serial != "" && r.Now().Before(have.NotAfter)
	switch {
	case e.Operation == nil:
	case *e.Operation == store.Troubleshoot:
		return e, apperr.WithHint(apperr.Refused("troubleshoot is something to do, not how a device should be"),
			"capf device set %s --operation troubleshoot", d.Name)
	case *e.Operation == store.Install && has, *e.Operation == store.Delete && have.Serial == "":
		e.Operation = nil
	}
	e, err := r.Difference(d, e)
	if err != nil {
		return e, err
	}
	if e.CompletesBy != nil && e.Operation == nil {
		_, moment := e.CompletesBy.Moment()
		if !moment || d.Operation == store.NoOperation { // a span begins when the operation is scheduled
			e.CompletesBy = nil
		}
	}
	if e.CompletesBy != nil && e.Operation != nil && *e.Operation == store.NoOperation {
		e.CompletesBy = nil
	}
	// A string that was good for one operation is gone with it.
	if s.SingleUse && e.Operation == nil && d.Operation == store.NoOperation && d.SealedString == nil && !d.CreatedAt.IsZero() {
		e.String = nil
	}
	return e, nil
}
