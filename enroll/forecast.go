package enroll

import (
	"context"
	"crypto/x509"
	"time"

	"capf/enroll/settings"
	"capf/store"
)

// Forecast answers what a phone would be told, for whoever asks why it has no LSC. It
// asks the rules by which phones are judged, and records nothing.
type Forecast struct {
	Reader   *store.Reader
	Now      func() time.Time
	Settings *settings.Settings
}

// Session says why a phone would be turned away that came now, spoke version 3 and had
// the right string or an acceptable certificate; nil when it would not be.
func (f Forecast) Session(ctx context.Context, d store.Device) (*SessionError, error) {
	if refused := admit(d, Claim{Accepted: true, Version: 3}, f.Settings, f.Now()); refused != nil {
		return refused, nil
	}
	locked := d.Locked(f.Now())
	switch {
	case locked && d.LockedFor == store.LockedForUnconfirmed:
		return unconfirmed(d.LockedUntil), nil
	case locked && d.AuthMode == store.ByString:
		return lockedOut(d.LockedUntil), nil
	case d.AuthMode == store.ByString && len(d.SealedString) == 0:
		return sessionError(ErrDeclined, store.InvalidString, "the device has no authentication string"), nil
	}
	if refused := policyRefusal(d, f.Settings); refused != nil || d.Operation != store.Install {
		return refused, nil
	}
	g := Grant{Device: d, Settings: f.Settings}
	if refused := g.chooseKeys(3); refused != nil {
		return refused, nil
	}
	return admitOnline(ctx, f.Reader, &g)
}

// Certificate says why a certificate that the phone has shown would not count now, nil
// when it would.
func (f Forecast) Certificate(ctx context.Context, d store.Device, kind CertificateKind, c *x509.Certificate) (*SessionError, error) {
	g := Grant{Device: d, Settings: f.Settings}
	p := phoneCertificates{f.Reader, f.Now}
	if kind == KindMIC {
		return p.checkMIC(ctx, &g, c)
	}
	return p.checkLSC(ctx, &g, c)
}
