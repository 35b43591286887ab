package devices

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"capf/crypto"
	"capf/enroll/settings"
	"capf/internal/apperr"
	"capf/store"
)

// Change changes a device. The strings are warnings. Errors: ErrValue,
// ErrRefused, store.ErrNotFound.
func (r *Rules) Change(ctx context.Context, actor store.Actor, name string, edit Edit) (store.Device, []string, error) {
	settings, err := r.Settings(ctx)
	if err != nil {
		return store.Device{}, nil, err
	}
	name = FullName(ctx, r.Store.Reader, name)
	hasLSC, err := r.hasInstalledLSC(ctx, name)
	if err != nil {
		return store.Device{}, nil, err
	}
	d, err := r.Store.ChangeDevice(ctx, actor, name, store.EventText{Action: "device-set", Detail: edit.Describe()},
		func(d *store.Device) error { return r.Edit(d, edit, settings, hasLSC) })
	return d, warnings(d, edit), err
}

// hasInstalledLSC is called before the change begins, since a change does not
// read the database. An LSC that ends in between is left to the next session.
func (r *Rules) hasInstalledLSC(ctx context.Context, name string) (bool, error) {
	d, err := r.Store.Device(ctx, name)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil // the change will say so
	}
	if err != nil {
		return false, err
	}
	for l, err := range r.Store.LSCs(ctx, store.LSCFilter{DeviceID: d.ID, State: store.LSCInstalled}) {
		return err == nil && l.ID != 0, err
	}
	return false, nil
}

// Edit applies an edit to a device under the same rules as Change, for
// callers that change many devices in one transaction. hasLSC says whether an
// LSC is installed. Errors: ErrValue, ErrRefused.
func (r *Rules) Edit(d *store.Device, e Edit, s settings.Settings, hasLSC bool) error {
	for _, a := range attributes {
		if !a.Secret && !a.scheduled {
			a.assign(d, &e)
		}
	}
	if err := checkTexts(*d); err != nil {
		return err
	}
	if err := checkSizes(*d); err != nil {
		return err
	}
	switch {
	case e.NoString && e.String != nil:
		return apperr.BadValue("an authentication string cannot be given and removed at once")
	case e.NoString:
		d.SealedString, d.StringUsed = nil, false
		unlock(d)
	case e.String != nil:
		if err := r.setString(d, *e.String, s); err != nil {
			return err
		}
	}
	if err := r.schedule(d, e, s); err != nil {
		return err
	}
	if e.Operation != nil || e.AuthMode != nil || e.String != nil {
		if err := checkPolicy(*d, s); err != nil {
			return err
		}
	}
	return checkMode(*d, hasLSC)
}

func set[T any](field *T, value *T) {
	if value != nil {
		*field = *value
	}
}

// setText trims blanks around a text: they are invisible in a table, and files
// have them around cells.
func setText(field *string, value *string) {
	if value != nil {
		*field = strings.TrimSpace(*value)
	}
}

func checkSizes(d store.Device) error {
	if !crypto.RSA(d.RSABits).Known() {
		return apperr.BadValue("an RSA key has 512, 1024, 2048, 3072 or 4096 bits, not %d", d.RSABits)
	}
	if !crypto.EC(d.ECBits).Known() {
		return apperr.BadValue("an EC key has 256, 384 or 521 bits, not %d", d.ECBits)
	}
	return nil
}

// warnings returns what an operator should know about an edit that was
// made.
func warnings(d store.Device, e Edit) []string {
	var w []string
	if e.RSABits != nil && d.RSABits < 2048 && crypto.RSA(d.RSABits).Known() {
		w = append(w, fmt.Sprintf("RSA keys of %d bits can be broken; use them only for phones that can make no others", d.RSABits))
	}
	return w
}
