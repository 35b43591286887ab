package devices

import (
	"context"
	"errors"

	"capf/enroll/settings"
	"capf/internal/apperr"
	"capf/internal/input"
	"capf/store"
)

// The values that a new device gets.
const (
	defaultRSABits = 2048
	defaultECBits  = 384
)

// New returns a device of that name with the defaults of the vendor's
// pages, not stored yet. ErrValue: a new device cannot have that name.
func New(name string) (store.Device, error) {
	name, err := ParseDeviceName(name)
	switch {
	case err != nil:
	case !input.IsAlphanumeric(name[0]):
		err = apperr.BadValue("%q is not the name of a new device; it begins with a letter or a digit, since programs take others for their options and for folders", name)
	case len(name) > MaxNewDeviceName:
		err = apperr.BadValue("%q has %d characters; the name of a new device has at most %d, which is what a certificate holds (RFC 5280, ub-common-name)",
			name, len(name), MaxNewDeviceName)
	}
	return store.Device{
		Name: name, SecurityMode: store.Nonsecure, IPMode: store.TwoStack,
		Operation: store.NoOperation, AuthMode: store.ByNullString, KeyOrder: store.RSAOnly,
		RSABits: defaultRSABits, ECBits: defaultECBits, Status: store.StatusNone,
	}, err
}

// Add adds a device with the defaults of the vendor's pages, changed by
// the edit. The strings are warnings. Errors: ErrValue, ErrRefused, and
// store.ErrConflict when the device exists.
func (r *Rules) Add(ctx context.Context, actor store.Actor, name string, edit Edit) (store.Device, []string, error) {
	d, err := New(name)
	if err != nil {
		return store.Device{}, nil, err
	}
	settings, err := settings.Read(ctx, r.Store.Reader)
	if err != nil {
		return store.Device{}, nil, err
	}
	if err := r.Edit(&d, edit, settings, false); err != nil {
		return store.Device{}, nil, err
	}
	d, err = r.Store.AddDevice(ctx, actor, d)
	if errors.Is(err, store.ErrConflict) {
		return d, nil, apperr.WithHint(apperr.New(store.ErrConflict, "adding device %q: it exists already", name), "capf device set %s changes it", name)
	}
	w := warnings(d, edit)
	if doubt := Doubt(d.Name); doubt != "" {
		w = append([]string{doubt}, w...)
	}
	return d, w, err
}
