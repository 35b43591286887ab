package lscs

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"

	"capf/internal/apperr"
	"capf/store"
)

// Choice selects LSCs in one of four ways.
type Choice struct {
	Serials []string
	Device  string            // a name, also that of a deleted device
	Devices []string          // names, also those of deleted devices
	Issuer  *x509.Certificate // all that it has issued
}

// Revocable returns the chosen LSCs that a phone could still use: those that have not
// expired, in any state, without their certificates. store.ErrNotFound names a serial
// or a device that is unknown; a serial that two issuers have used, or whose LSC has
// expired, is apperr.ErrRefused.
func (r Revoker) Revocable(ctx context.Context, c Choice) ([]store.LSC, error) {
	switch {
	case c.Issuer != nil:
		return r.lasting(ctx, store.LSCFilter{Issuer: c.Issuer.Subject.String()}, func(l store.LSC) bool { return MayHaveIssued(c.Issuer, l) })
	case c.Devices != nil:
		return r.lasting(ctx, store.LSCFilter{Devices: c.Devices}, nil)
	case c.Device != "":
		return r.lscsOf(ctx, c.Device)
	}
	var list []store.LSC
	for _, serial := range c.Serials {
		l, err := r.lscBySerial(ctx, serial)
		if err != nil {
			return nil, err
		}
		if r.Now().After(l.NotAfter) {
			return nil, apperr.Refused("the LSC %q expired on %s: it is useless", serial, l.NotAfter.Format(time.DateOnly))
		}
		list = append(list, l)
	}
	return list, nil
}

// lscsOf returns the LSCs of a device, and of deleted devices of that name.
func (r Revoker) lscsOf(ctx context.Context, device string) ([]store.LSC, error) {
	if strings.ContainsAny(device, "*?") {
		return nil, apperr.BadValue("%q is not the name of one device", device)
	}
	list, err := r.lasting(ctx, store.LSCFilter{Device: device}, nil)
	if err != nil || list != nil {
		return list, err
	}
	_, err = r.Store.Device(ctx, device)
	if errors.Is(err, store.ErrNotFound) {
		for _, oops := range r.Store.LSCs(ctx, store.LSCFilter{Device: device, Discarded: true}) {
			return nil, oops // all of them have expired
		}
	}
	return nil, err
}

// lasting returns the unexpired LSCs of the filter, discarded ones included.
func (r Revoker) lasting(ctx context.Context, f store.LSCFilter, only func(store.LSC) bool) (list []store.LSC, err error) {
	f.Discarded = true
	now := r.Now()
	for l, err := range r.Store.LSCs(ctx, f) {
		if err != nil {
			return nil, err
		}
		if now.After(l.NotAfter) || only != nil && !only(l) {
			continue
		}
		l.Certificate = nil // there may be a hundred thousand
		list = append(list, l)
	}
	return list, nil
}

// MayHaveIssued reports whether a CA with the name of the LSC's issuer has issued
// it: a CA with a new key may have kept its name. Of a discarded LSC only the name
// is left, so the answer is yes.
func MayHaveIssued(ca *x509.Certificate, l store.LSC) bool {
	cert, err := x509.ParseCertificate(l.Certificate)
	if err != nil || len(cert.AuthorityKeyId) == 0 || len(ca.SubjectKeyId) == 0 {
		return true
	}
	return bytes.Equal(cert.AuthorityKeyId, ca.SubjectKeyId)
}

// lscBySerial refuses a serial that two issuers have used: which one is meant
// is not for us to guess.
func (r Revoker) lscBySerial(ctx context.Context, serial string) (store.LSC, error) {
	var found []store.LSC
	for l, err := range r.Store.LSCs(ctx, store.LSCFilter{Serial: serial, Discarded: true}) {
		if err != nil {
			return l, err
		}
		found = append(found, l)
	}
	switch len(found) {
	case 0:
		return store.LSC{}, fmt.Errorf("LSC %q: %w", serial, store.ErrNotFound)
	case 1:
		return found[0], nil
	}
	return store.LSC{}, apperr.WithHint(apperr.Refused("the serial %q is that of %d LSCs: of %s by %q, of %s by %q", serial, len(found), found[0].Device, found[0].Issuer, found[1].Device, found[1].Issuer),
		"--device or --issuer says which one")
}
