package devices

import (
	"strings"
	"time"

	"capf/crypto"
	"capf/enroll/settings"
	"capf/internal/apperr"
	"capf/store"
)

// schedule sets the operation and the time by which it has to be completed. A
// time alone moves the deadline of the scheduled operation.
func (r *Rules) schedule(d *store.Device, e Edit, s settings.Settings) error {
	now := r.Now()
	var by *time.Time
	if e.CompletesBy != nil {
		by = new(e.CompletesBy.From(now))
		if !by.After(now) {
			return apperr.BadValue("the time %s, by which the operation has to be completed, has passed", by.Format(time.RFC3339))
		}
	}
	set(&d.Operation, e.Operation)
	if e.CompletesBy != nil && d.Operation == store.NoOperation {
		return apperr.Refused("device %q has no operation that could be completed by a time", d.Name)
	}
	if e.Operation == nil {
		set(&d.CompletesBy, by)
		return nil
	}
	d.Schedule++
	if d.StringUsed && s.SingleUse { // the string was for the previous operation
		d.SealedString, d.StringUsed = nil, false
	}
	if d.Unconfirmed = 0; d.LockedFor == store.LockedForUnconfirmed {
		unlock(d)
	}
	if d.Operation == store.NoOperation {
		d.CompletesBy, d.Status = time.Time{}, store.StatusNone
		return nil
	}
	if d.Operation == store.Install && len(d.Name) > crypto.MaxCommonName {
		return apperr.Refused("the name of device %q is longer than the %d characters that a certificate can hold (RFC 5280, ub-common-name)", d.Name, crypto.MaxCommonName)
	}
	d.Status = store.StatusPending
	d.CompletesBy = now.Add(s.OperationExpires)
	set(&d.CompletesBy, by)
	return nil
}

// unlock unlocks a device that an operator changes, whatever the reason for the
// lock.
func unlock(d *store.Device) {
	d.WrongStrings, d.Unconfirmed, d.LockedUntil, d.LockedFor = 0, 0, time.Time{}, store.NotLocked
}

// checkMode refuses what cannot work: a mode by string without a string, and,
// as in the chapter's 7942/7962 example, a string for a phone that cannot
// register without an LSC. Such a phone contacts CAPF by itself only if no
// string has to be typed in.
func checkMode(d store.Device, hasLSC bool) error {
	if d.AuthMode != store.ByString || d.Operation == store.NoOperation {
		return nil
	}
	if d.SealedString == nil {
		return apperr.WithHint(apperr.Refused("device %q authenticates by a string but has none", d.Name),
			"give one with --auth-string-file; for a device that exists, capf device generate-string %s makes one", d.Name)
	}
	if d.SecurityMode != store.Nonsecure && !hasLSC {
		return apperr.WithHint(apperr.Refused("device %q is %s and has no installed LSC: it cannot register, so no user can start the enrolment with a string",
			d.Name, strings.ToLower(d.SecurityMode.Long())),
			"set --auth-mode null-string or lsc, or --security-mode nonsecure until the LSC is installed")
	}
	return nil
}
