package enroll

import (
	"context"
	stdcrypto "crypto"
	"crypto/x509"
	"errors"
	"time"

	"capf/crypto"
	"capf/enroll/settings"
	"capf/store"
)

// A device is locked for store.LockTime after maxWrongStrings wrong authentication
// strings in a row (protocol page, "Authentication modes"), and an address is
// declined for as long.
const maxWrongStrings = 10

// CertificateKind is what a phone says of a certificate that it shows.
type CertificateKind string

// The kinds of certificate that a phone has.
const (
	LSC CertificateKind = "lsc"
	MIC CertificateKind = "mic"
)

// Signature is a signature with its hash.
type Signature struct {
	Hash  stdcrypto.Hash
	Value []byte
}

// Proof is a certificate with signatures that prove possession of its key.
type Proof struct {
	Kind        CertificateKind
	Certificate []byte // DER
	Text        []byte // what was signed
	Signatures  []Signature
}

// Claim is what a phone says to authenticate.
type Claim struct {
	Device   string
	Address  string
	Network  string // those whose wrong strings are counted together: the address or, of IPv6, its network
	Version  int    // 2 or 3
	Accepted bool   // the phone goes on; false when it reports a failure of its own
	Password []byte // nil or empty: null string
	Existing *Proof // By Existing Certificate
	SUDI     *Proof // the phone's burnt-in identity; its text covers the session id
}

// Grant is what an authenticated phone is to do.
type Grant struct {
	Device   store.Device
	Settings settings.Settings // in force for the whole session
	Keys     []crypto.KeyKind  // for Install: the kinds to ask for, the preferred one first
	actor    store.Actor
	mic      *x509.Certificate // proved in this session
	voucher  store.Voucher     // what proved who the phone is
	session  int64             // for Install: which of the device's it is
}

// Operation is what is scheduled for the device.
func (g Grant) Operation() store.Operation { return g.Device.Operation }

// Authenticate decides whether a phone may do what is scheduled for it, under
// the settings that were in force when its session began. A
// refusal is a *SessionError and is recorded with the Certificate Operation Status
// of the device; any other error is our own failure.
func (r *Rules) Authenticate(ctx context.Context, inForce settings.Settings, c Claim) (Grant, error) {
	actor := store.Actor{Kind: store.Phone, Name: c.Device, Address: c.Address}
	device, err := r.Store.Device(ctx, c.Device)
	if errors.Is(err, store.ErrNotFound) {
		end := sessionError(ErrUnknownDevice, store.NoCause, "no device has this name")
		return Grant{}, r.turnAway(ctx, actor, store.Device{Name: c.Device}, "authenticate", end)
	}
	if err != nil {
		return Grant{}, err
	}
	actor.Name = device.Name
	g := Grant{Device: device, Settings: inForce, actor: actor}
	if end := r.admit(device, c, inForce); end != nil {
		if end.Kind == ErrNothingScheduled {
			return g, end.recorded() // it is no failure
		}
		return g, r.turnAway(ctx, actor, device, "authenticate", end)
	}
	if err := r.authenticate(ctx, &g, c); err != nil {
		return g, err
	}
	if device.Operation == store.Install {
		if end := g.chooseKeys(c.Version); end != nil {
			return g, r.turnAway(ctx, actor, device, "authenticate", end)
		}
		end, err := r.admitOnline(ctx, &g)
		if err != nil {
			return g, err
		}
		if end != nil {
			return g, r.turnAway(ctx, actor, device, "issue", end)
		}
		g.session, err = r.Store.BeginInstall(ctx, device)
		return g, changedMeanwhile(err)
	}
	return g, nil
}

// admit makes the checks that come before the authentication itself.
func (r *Rules) admit(d store.Device, c Claim, s settings.Settings) *SessionError {
	switch {
	case !c.Accepted:
		return sessionError(ErrDeclined, store.InvalidCredentials, "the phone reports that it cannot authenticate")
	case c.Version != 2 && c.Version != 3:
		return sessionError(ErrDeclined, store.NoCause, "the phone speaks CAPF version %d, not 2 or 3", c.Version)
	case s.FIPS && c.Version != 2:
		return sessionError(ErrDeclined, store.NoCause, "CAPF version 3 is not available in FIPS mode")
	case d.Operation == store.NoOperation:
		return sessionError(ErrNothingScheduled, store.NoCause, "nothing is scheduled for the device")
	case !d.CompletesBy.IsZero() && r.Now().After(d.CompletesBy):
		return sessionError(ErrLate, store.Late, "the operation had to be completed by %s", d.CompletesBy.UTC().Format(time.RFC3339))
	}
	return nil
}

// chooseKeys turns the Key Order into what the phone is asked for. Version 2
// knows RSA only (protocol page, "Versions").
func (g *Grant) chooseKeys(version int) *SessionError {
	d := g.Device
	rsa, ec := crypto.RSA(d.RSABits), crypto.EC(d.ECBits)
	switch {
	case d.KeyOrder == store.RSAOnly:
		g.Keys = []crypto.KeyKind{rsa}
	case version == 2 && d.KeyOrder == store.ECOnly:
		return sessionError(ErrDeclined, store.NoECInVersion, "the device is to have an EC key, which a phone that speaks version 2 cannot make")
	case version == 2:
		g.Keys = []crypto.KeyKind{rsa}
	case d.KeyOrder == store.ECOnly:
		g.Keys = []crypto.KeyKind{ec}
	default:
		g.Keys = []crypto.KeyKind{ec, rsa}
	}
	return nil
}

// authenticate applies the device's Authentication Mode.
func (r *Rules) authenticate(ctx context.Context, g *Grant, c Claim) error {
	var (
		end     *SessionError
		shown   []store.DeviceCertificate
		network string
		err     error
	)
	if d := g.Device; d.LockedFor == store.LockedForUnconfirmed && d.Locked(r.Now()) {
		return r.turnAway(ctx, g.actor, d, "authenticate", unconfirmed(d.LockedUntil))
	}
	switch g.Device.AuthMode {
	case store.ByNullString:
		if len(c.Password) > 0 {
			end = sessionError(ErrDeclined, store.InvalidString, "the phone sent an authentication string, but its mode is By Null String")
			break
		}
		if end = againstPolicy(g.Device, g.Settings); end == nil {
			end, err = r.declinedAddress(ctx, *g, c)
		}
		g.voucher = store.Voucher{Kind: store.VouchedByNullString}
	case store.ByString:
		// A hash of the string itself could be guessed at.
		g.voucher = store.Voucher{Kind: store.VouchedByString, Fingerprint: crypto.RawFingerprint(g.Device.SealedString)}
		return r.byString(ctx, *g, c)
	default:
		network = c.Network
		shown, end, err = r.byCertificate(ctx, g, c)
	}
	if err != nil {
		return err
	}
	if end != nil {
		return r.turnAway(ctx, g.actor, g.Device, "authenticate", end)
	}
	if shown == nil && g.Device.WrongStrings == 0 {
		return nil // there is nothing to note, and nothing to ask for
	}
	return r.Store.NoteAuthenticated(ctx, g.actor, g.Device.ID, network, shown, lscFingerprint(shown))
}
