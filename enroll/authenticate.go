package enroll

import (
	"context"
	"errors"
	"time"

	"capf/crypto"
	"capf/enroll/settings"
	"capf/store"
)

// Authenticate decides whether a phone may do what is scheduled for it, under the
// settings that were in force when its session began. A refusal is a *SessionError
// and is recorded in the device's Certificate Operation Status. Any other error is
// our own failure.
func (r *Registrar) Authenticate(ctx context.Context, inForce *settings.Settings, c Claim) (Grant, error) {
	actor := store.Actor{Kind: store.Phone, Name: c.Device, Address: c.Address}
	device, err := r.store.Device(ctx, c.Device)
	if errors.Is(err, store.ErrNotFound) {
		unknown := sessionError(ErrUnknownDevice, store.NoCause, "no device has this name")
		return Grant{}, r.turnAway(ctx, actor, store.Device{Name: c.Device}, "authenticate", unknown)
	}
	if err != nil {
		return Grant{}, err
	}
	actor.Name = device.Name
	g := Grant{Device: device, Settings: inForce, actor: actor}
	err = r.authenticate(ctx, &g, c)
	if g.session != 0 { // which has noted that the device was seen
		return g, err
	}
	if noted := r.store.NoteSeen(ctx, device); noted != nil && err == nil {
		return g, noted
	}
	return g, err
}

// authenticate is Authenticate for a device that exists.
func (r *Registrar) authenticate(ctx context.Context, g *Grant, c Claim) error {
	device, inForce := g.Device, g.Settings
	if refused := admit(device, c, inForce, r.now()); refused != nil {
		if refused.Kind == ErrNothingScheduled {
			return refused.recorded() // not a failure
		}
		return r.turnAway(ctx, g.actor, device, "authenticate", refused)
	}
	if err := r.checkMode(ctx, g, c); err != nil {
		return err
	}
	if device.Operation == store.Install {
		return r.beginInstall(ctx, g, c.Version)
	}
	return nil
}

// beginInstall decides which kinds of key the phone is asked for, and gives its
// session a number.
func (r *Registrar) beginInstall(ctx context.Context, g *Grant, version int) error {
	if refused := g.chooseKeys(version); refused != nil {
		return r.turnAway(ctx, g.actor, g.Device, "authenticate", refused)
	}
	unready, err := admitOnline(ctx, r.store.Reader, g)
	if err != nil {
		return err
	}
	if unready != nil {
		return r.turnAway(ctx, g.actor, g.Device, "issue", unready)
	}
	g.session, err = r.store.BeginInstall(ctx, g.Device)
	return changedMeanwhile(err)
}

// admit makes the checks that come before the authentication itself.
func admit(d store.Device, c Claim, s *settings.Settings, now time.Time) *SessionError {
	switch {
	case !c.Accepted:
		return sessionError(ErrDeclined, store.InvalidCredentials, "the phone reports that it cannot authenticate")
	case c.Version != 2 && c.Version != 3:
		return sessionError(ErrDeclined, store.NoCause, "the phone speaks CAPF version %d, not 2 or 3", c.Version)
	case s.FIPS && c.Version != 2:
		return sessionError(ErrDeclined, store.NoCause, "CAPF version 3 is not available in FIPS mode")
	case d.Operation == store.NoOperation:
		return sessionError(ErrNothingScheduled, store.NoCause, "nothing is scheduled for the device")
	case !d.CompletesBy.IsZero() && now.After(d.CompletesBy):
		return sessionError(ErrLate, store.Late, "the operation had to be completed by %s", d.CompletesBy.UTC().Format(time.RFC3339))
	}
	return nil
}

// checkMode applies the device's Authentication Mode.
func (r *Registrar) checkMode(ctx context.Context, g *Grant, c Claim) error {
	var (
		refused *SessionError
		shown   []store.DeviceCertificate
		network string
		err     error
	)
	if d := g.Device; d.LockedFor == store.LockedForUnconfirmed && d.Locked(r.now()) {
		return r.turnAway(ctx, g.actor, d, "authenticate", unconfirmed(d.LockedUntil))
	}
	switch g.Device.AuthMode {
	case store.ByNullString:
		if len(c.Password) > 0 {
			refused = sessionError(ErrDeclined, store.InvalidString, "the phone sent an authentication string, but its mode is By Null String")
			break
		}
		if refused = policyRefusal(g.Device, g.Settings); refused == nil {
			refused, err = r.declinedAddress(ctx, *g, c)
		}
		g.voucher = store.Voucher{Kind: store.VouchedByNullString}
	case store.ByString:
		// A hash of the string itself could be brute-forced.
		g.voucher = store.Voucher{Kind: store.VouchedByString, Fingerprint: crypto.RawFingerprint(g.Device.SealedString)}
		return r.byString(ctx, *g, c)
	default:
		network = c.Network
		shown, refused, err = r.byCertificate(ctx, g, c)
	}
	if err != nil {
		return err
	}
	if refused != nil {
		return r.turnAway(ctx, g.actor, g.Device, "authenticate", refused)
	}
	if shown == nil && g.Device.WrongStrings == 0 {
		return nil // nothing to record and nothing to ask for
	}
	return r.store.NoteAuthenticated(ctx, g.actor, g.Device.ID, network, shown, lscFingerprint(shown))
}

// policyRefusal declines a device whose authentication mode has been forbidden since
// its operation was scheduled.
func policyRefusal(d store.Device, s *settings.Settings) *SessionError {
	why := s.Forbidden(d)
	switch {
	case why == "":
		return nil
	case d.AuthMode == store.ByString:
		return sessionError(ErrDeclined, store.InvalidString, "%s", why)
	}
	return sessionError(ErrDeclined, store.InvalidCredentials, "%s", why)
}
