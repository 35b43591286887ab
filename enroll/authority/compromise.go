package authority

import (
	"bytes"
	"cmp"
	"context"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"

	"capf/crypto"
	"capf/enroll/lscs"
	"capf/store"
)

// Compromise lists what depends on a CAPF certificate whose private key may have
// leaked.
type Compromise struct {
	Certificate *x509.Certificate
	Trust       []store.TrustCertificate // certificates of the same key, in all trust stores
	LSCs        []store.LSC              // unexpired ones that it has signed
	Devices     []store.Device           // those with one of these LSCs, which must enrol again
	// Prepared is the certificate that is prepared, nil when none is. With another key it
	// takes the place of the compromised one: phones may know it already.
	Prepared *x509.Certificate
}

// TakesOver says whether the prepared certificate can be shown in place of the compromised
// one.
func (c Compromise) TakesOver() bool {
	return c.Prepared != nil && !crypto.SameKey(c.Prepared.PublicKey, c.Certificate.PublicKey)
}

// Compromised finds what depends on the present CAPF certificate.
func (c CAPF) Compromised(ctx context.Context) (found Compromise, err error) {
	if found.Certificate, err = Certificate(ctx, c.Store.Reader); err != nil {
		return found, err
	}
	if _, found.Prepared, err = PreparedNow(ctx, c.Store.Reader); err != nil {
		return found, err
	}
	rows, err := c.Store.Trust(ctx, "")
	if err != nil {
		return found, err
	}
	signers := []*x509.Certificate{found.Certificate}
	for _, row := range rows {
		one, err := x509.ParseCertificate(row.Certificate)
		if err != nil || !bytes.Equal(one.RawSubjectPublicKeyInfo, found.Certificate.RawSubjectPublicKeyInfo) {
			continue
		}
		found.Trust = append(found.Trust, row)
		signers = append(signers, one)
	}
	if found.LSCs, err = c.signedBy(ctx, signers); err != nil {
		return found, err
	}
	found.Devices, err = c.holders(ctx, found.LSCs)
	return found, err
}

// signedBy returns the LSCs signed by one of the certificates, which all have one
// key.
func (c CAPF) signedBy(ctx context.Context, signers []*x509.Certificate) (all []store.LSC, err error) {
	known := map[int64]bool{}
	for _, signer := range signers {
		some, err := c.revoker().Revocable(ctx, lscs.Choice{Issuer: signer})
		if err != nil {
			return nil, err
		}
		for _, l := range some {
			if !known[l.ID] {
				known[l.ID], all = true, append(all, l)
			}
		}
	}
	return all, nil
}

// holders returns the devices that have, or may have, one of the LSCs, sorted by name.
// No phone has one that was replaced or deleted.
func (c CAPF) holders(ctx context.Context, list []store.LSC) ([]store.Device, error) {
	holds := map[int64]bool{}
	for _, l := range list {
		if l.DeviceID != 0 && l.State != store.LSCReplaced && l.State != store.LSCDeleted {
			holds[l.DeviceID] = true
		}
	}
	var all []store.Device
	for d, err := range c.Store.Devices(ctx, store.DeviceFilter{}) {
		if err != nil {
			return nil, err
		}
		if holds[d.ID] {
			all = append(all, d)
		}
	}
	slices.SortFunc(all, func(a, b store.Device) int { return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
	return all, nil
}

// GiveUp makes a new key and a new self-signed CAPF certificate as Regenerate does,
// but stops trusting the present one, revokes what it has signed, and has every running
// serve show the new one at once. A prepared certificate of another key is taken in place of
// a new one, unless a name or a size was asked for: keyBits of 0 stands for the usual one.
// LSCs are revoked first, so that GiveUp may be repeated after an interruption. It returns
// the new authority and how many LSCs it has revoked.
func (c CAPF) GiveUp(ctx context.Context, actor store.Actor, found Compromise, name *crypto.Name, keyBits int) (*crypto.Authority, int, error) {
	a, err := c.successor(ctx, found, name, keyBits)
	if err != nil {
		return nil, 0, err
	}
	revoked, err := c.revokeAll(ctx, actor, found.LSCs)
	if err != nil {
		return nil, revoked, err
	}
	id, err := c.identity(a)
	if err != nil {
		return nil, revoked, err
	}
	var trust []int64
	signers := []*x509.Certificate{found.Certificate}
	for _, row := range found.Trust {
		trust = append(trust, row.ID)
		if one, err := x509.ParseCertificate(row.Certificate); err == nil {
			signers = append(signers, one)
		}
	}
	var prepared []byte
	if found.Prepared != nil {
		prepared = found.Prepared.Raw
	}
	if err := c.Store.GiveUpIdentity(ctx, actor, id, trust, prepared); err != nil {
		return nil, revoked, err
	}
	// A running serve may have signed more LSCs up to now; from here on it
	// cannot.
	late, err := c.signedBy(ctx, signers)
	if err != nil {
		return a, revoked, err
	}
	more, err := c.revokeAll(ctx, actor, late)
	return a, revoked + more, err
}

// successor is what takes the place of a compromised certificate.
func (c CAPF) successor(ctx context.Context, found Compromise, name *crypto.Name, keyBits int) (*crypto.Authority, error) {
	if name == nil && keyBits == 0 && found.TakesOver() {
		return LoadPrepared(ctx, c.Store.Reader, c.Sealer, c.Now())
	}
	if name == nil {
		present := crypto.NameOf(found.Certificate)
		name = &present
	}
	a, err := crypto.NewCAPF(c.Rand, *name, cmp.Or(keyBits, UsualKeyBits), c.Now())
	if err != nil {
		return nil, fmt.Errorf("making the CAPF certificate: %w", err)
	}
	return a, nil
}

func (c CAPF) revokeAll(ctx context.Context, actor store.Actor, list []store.LSC) (changed int, err error) {
	rows, err := c.revoker().Revoke(ctx, actor, list, store.CACompromise)
	for _, row := range rows {
		if row.Changed {
			changed++
		}
	}
	return changed, err
}

func (c CAPF) revoker() lscs.Revoker { return lscs.Revoker{Store: c.Store, Now: c.Now} }
