package enroll

import (
	"context"
	"crypto/rand"
	"fmt"
	"math/big"
	"strings"
	"time"

	"capf/enroll/secrets"
	"capf/enroll/settings"
	"capf/internal/apperr"
	"capf/internal/input"
	"capf/store"
)

// NewDevice is a device of that name with the defaults of the vendor's pages,
// not stored yet. apperr.ErrValue: it is not the name of a new device.
func NewDevice(name string) (store.Device, error) {
	name, err := ParseDeviceName(name)
	switch {
	case err != nil:
	case !input.IsAlphanumeric(name[0]):
		err = apperr.BadValue("%q is not the name of a new device; it begins with a letter or a digit, since programs take others for their options and for folders", name)
	case len(name) > maxNewDeviceName:
		err = apperr.BadValue("%q has %d characters; the name of a new device has at most %d, which is what a certificate holds (RFC 5280, ub-common-name)", name, len(name), maxNewDeviceName)
	}
	return store.Device{
		Name: name, SecurityMode: store.Nonsecure, IPMode: store.TwoStack,
		Operation: store.NoOperation, AuthMode: store.ByNullString, KeyOrder: store.RSAOnly,
		RSABits: defaultRSABits, ECBits: defaultECBits, Status: store.StatusNone,
	}, err
}

// Edit makes an edit of a device under the rules that hold for one operator's
// change of one device, for those who change many in one transaction. hasLSC
// says whether an LSC is installed. Errors: ErrValue, ErrRefused.
func (r *Rules) Edit(d *store.Device, e DeviceEdit, s settings.Settings, hasLSC bool) error {
	return r.apply(d, e, s, hasLSC)
}

// Difference is the part of the edit that the device does not have yet, so that
// the same can be asked for twice without scheduling anything again. Of an
// operation that is late nothing comes any more: it is to be scheduled again,
// unless the edit means the very time that has passed.
func (r *Rules) Difference(d store.Device, e DeviceEdit) (DeviceEdit, error) {
	// Lists have whole seconds.
	sameTime := e.CompletesBy != nil && e.CompletesBy.From(r.Now()).Truncate(time.Second).Equal(d.CompletesBy.Truncate(time.Second))
	if sameTime || !d.Late(r.Now()) {
		drop(&e.Operation, d.Operation)
	}
	if sameTime && e.Operation == nil {
		e.CompletesBy = nil
	}
	dropText(&e.Description, d.Description)
	dropText(&e.Model, d.Model)
	dropText(&e.Pool, d.Pool)
	drop(&e.SecurityMode, d.SecurityMode)
	drop(&e.IPMode, d.IPMode)
	drop(&e.AuthMode, d.AuthMode)
	drop(&e.KeyOrder, d.KeyOrder)
	drop(&e.RSABits, d.RSABits)
	drop(&e.ECBits, d.ECBits)
	e.NoString = e.NoString && d.SealedString != nil
	if e.String == nil {
		return e, nil
	}
	s, err := secrets.AuthenticationString(r.Sealer, d)
	if err == nil {
		drop(&e.String, s)
	}
	return e, err
}

// Overdue says whether a Difference to the device is only that its operation is
// late.
func (e DeviceEdit) Overdue(d store.Device) bool {
	return e.Operation != nil && *e.Operation == d.Operation && e == (DeviceEdit{Operation: e.Operation, CompletesBy: e.CompletesBy})
}

func drop[T comparable](wanted **T, is T) {
	if *wanted != nil && **wanted == is {
		*wanted = nil
	}
}

// dropText does not look at blanks around a text, which an earlier capf kept.
func dropText(wanted **string, is string) {
	if *wanted != nil && strings.TrimSpace(**wanted) == strings.TrimSpace(is) {
		*wanted = nil
	}
}

// DeviceName is the name of the device that an operator means: a MAC address
// alone is that of a hardware phone, unless an earlier capf has let a device be
// called so.
func (r *Rules) DeviceName(ctx context.Context, s string) string {
	if !IsMAC(s) {
		return s
	}
	if d, err := r.Store.Device(ctx, s); err == nil {
		return d.Name
	}
	return "SEP" + strings.ToUpper(s)
}

// Describe names what the edit changes, for the record: never the string.
func (e DeviceEdit) Describe() string { return e.describe() }

// Warnings tells what an operator should know about an edit, whatever the
// device.
func (e DeviceEdit) Warnings() []string {
	if e.RSABits == nil {
		return nil
	}
	return warnings(store.Device{RSABits: *e.RSABits}, e)
}

// NewString makes an authentication string of ten digits.
func (r *Rules) NewString() (string, error) {
	n, err := rand.Int(r.Rand, big.NewInt(1e10))
	if err != nil {
		return "", fmt.Errorf("generating an authentication string: %w", err)
	}
	return fmt.Sprintf("%010d", n), nil
}
