package enroll

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"time"

	"capf/enroll/secrets"
	"capf/enroll/settings"
	"capf/store"
)

// A device is locked for store.LockTime after maxWrongStrings wrong authentication
// strings in a row (protocol page, "Authentication modes"). An address is declined
// for the same time.
const maxWrongStrings = 10

// guessLimits returns the limits in force.
func guessLimits(s *settings.Settings) store.GuessLimits {
	return store.GuessLimits{Device: maxWrongStrings, Network: s.WrongPerAddress, Once: s.SingleUse, Span: store.LockTime}
}

// byString compares the authentication string, unless the device is locked or
// the address declined.
func (r *Registrar) byString(ctx context.Context, g Grant, c Claim) error {
	d := g.Device
	if d.Locked(r.now()) {
		return r.turnAway(ctx, g.actor, d, "authenticate", lockedOut(d.LockedUntil))
	}
	if declined, err := r.declinedAddress(ctx, g, c); declined != nil || err != nil {
		return r.turnAwayOr(ctx, g, declined, err)
	}
	if closed := policyRefusal(d, g.Settings); closed != nil {
		return r.turnAway(ctx, g.actor, d, "authenticate", closed)
	}
	want, err := secrets.AuthenticationString(r.sealer, d)
	if err != nil {
		return err
	}
	// A phone without a user sends an empty string. That is not a guess, so it
	// does not count towards the lock.
	if len(c.Password) == 0 || want == "" {
		return r.turnAway(ctx, g.actor, d, "authenticate", sessionError(ErrDeclined, store.InvalidString, "no authentication string was given"))
	}
	limits := guessLimits(g.Settings)
	if sameSecret(c.Password, []byte(want)) {
		// Other sessions may have locked the device while this string was compared.
		w, err := r.store.NoteRightString(ctx, g.actor, d.ID, c.Network, limits)
		return r.turnAwayOr(ctx, g, tooLate(w, c.Network), err)
	}
	w, err := r.store.NoteWrongString(ctx, g.actor, d.ID, d.Schedule, c.Network, limits, store.Failed(d.Operation, store.InvalidString))
	if err != nil {
		return goneMeanwhile(err)
	}
	if !w.Counted { // other sessions were faster
		return tooLate(w, c.Network).recorded()
	}
	return wrongString(w, c.Network).recorded()
}

// wrongString turns away a phone whose string was wrong, and says what that has
// locked.
func wrongString(w store.WrongString, network string) *SessionError {
	wrong := sessionError(ErrDeclined, store.InvalidString, "wrong authentication string")
	wrong.String, wrong.AddressDeclined = StringWrong, !w.Declined.IsZero()
	if !w.Locked.IsZero() {
		wrong.String = StringLocks
		wrong.Detail += fmt.Sprintf("; locked until %s", w.Locked.UTC().Format(time.RFC3339))
	}
	if wrong.AddressDeclined {
		wrong.Detail += fmt.Sprintf("; %s is declined until %s", network, w.Declined.UTC().Format(time.RFC3339))
	}
	return wrong
}

// turnAwayOr returns err, or turns the phone away with failed when that is
// not nil.
func (r *Registrar) turnAwayOr(ctx context.Context, g Grant, failed *SessionError, err error) error {
	if err != nil || failed == nil {
		return err
	}
	return r.turnAway(ctx, g.actor, g.Device, "authenticate", failed)
}

// tooLate turns away a string that was compared while others locked the device or
// had the address declined. It is nil when neither has happened.
func tooLate(w store.WrongString, network string) *SessionError {
	switch {
	case !w.Declined.IsZero():
		return fromDeclinedAddress(network, w.Declined)
	case !w.Locked.IsZero():
		return lockedOut(w.Locked)
	}
	return nil
}

// declinedAddress turns away a phone at an address that has sent too many wrong
// strings, unless the device has proved its identity from there before. It applies
// By Null String too: an attacker who has run out of guesses would otherwise enroll
// as devices that need no string.
func (r *Registrar) declinedAddress(ctx context.Context, g Grant, c Claim) (*SessionError, error) {
	if g.Settings.WrongPerAddress == 0 {
		return nil, nil
	}
	until, err := r.store.NetworkDeclined(ctx, g.Device.ID, c.Network)
	if err != nil || until.IsZero() {
		return nil, err
	}
	return fromDeclinedAddress(c.Network, until), nil
}

// sameSecret compares two secrets in a time that does not depend on where
// they differ, nor on whether their lengths do, which
// subtle.ConstantTimeCompare alone would reveal.
func sameSecret(a, b []byte) bool {
	x, y := sha256.Sum256(a), sha256.Sum256(b)
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

func lockedOut(until time.Time) *SessionError {
	locked := sessionError(ErrDeclined, store.InvalidString, "locked until %s after %d wrong strings", until.UTC().Format(time.RFC3339), maxWrongStrings)
	locked.String = StringLockedOut
	return locked
}

func fromDeclinedAddress(network string, until time.Time) *SessionError {
	declined := sessionError(ErrDeclined, store.NoCause, "%s is declined until %s after too many wrong strings", network, until.UTC().Format(time.RFC3339))
	declined.String = StringFromDeclinedAddress
	return declined
}

// unconfirmed turns away a phone that has taken too many LSCs without confirming
// one.
func unconfirmed(until time.Time) *SessionError {
	locked := sessionError(ErrDeclined, store.NoCause, "locked until %s, since the phone sent many keys without confirming an LSC", until.UTC().Format(time.RFC3339))
	locked.String = StringLockedOut
	return locked
}
