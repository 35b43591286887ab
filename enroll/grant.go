package enroll

import (
	"crypto/x509"

	"capf/crypto"
	"capf/enroll/settings"
	"capf/store"
)

// Grant is what an authenticated phone is to do.
type Grant struct {
	Device   store.Device
	Settings *settings.Settings // in force when the session began
	Keys     []crypto.KeyKind   // for Install: the kinds to ask for, the preferred one first
	actor    store.Actor
	mic      *x509.Certificate // proved in this session
	voucher  store.Voucher     // what proved the phone's identity
	session  int64             // for Install: its number among the device's sessions
}

// Operation returns what is scheduled for the device.
func (g Grant) Operation() store.Operation { return g.Device.Operation }

// External reports whether another CA signs, so that the phone has to wait.
func (g Grant) External() bool { return g.Settings.Issuer != settings.IssuerCAPF }

// chooseKeys turns the Key Order into the kinds of key that the phone is
// asked for. Version 2 knows RSA only (protocol page, "Versions").
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

// request describes the key that the phone sent, for the record.
func (g Grant) request(kind crypto.KeyKind, spki []byte) store.Request {
	hash, warning := crypto.KeyHash(spki), ""
	if pub, _, err := crypto.ParsePublicKey(spki); err == nil {
		warning = crypto.UnusualKey(pub)
	}
	return store.Request{
		DeviceID: g.Device.ID, Device: g.Device.Name, Schedule: g.Device.Schedule, Issuer: g.Settings.Issuer,
		KeyKind: string(kind), KeyHash: hash[:], PublicKey: spki, Address: g.actor.Address, Voucher: g.voucher, Session: g.session,
		Limit:   store.UnconfirmedLimit{Keys: g.Settings.UnconfirmedLimit, Lock: store.LockTime},
		Warning: warning,
	}
}

// failure describes how an authenticated session failed, for the record.
func (g Grant) failure(step string, end *SessionError) store.Failure {
	f := failure(g.Device, step, end)
	f.Session = g.session
	return f
}
