package devices

import (
	"context"
	"crypto/rand"
	"fmt"
	"math/big"
	"strings"
	"time"

	"capf/enroll/secrets"
	"capf/internal/apperr"
	"capf/internal/input"
	"capf/store"
)

// New is a device of that name with the defaults of the vendor's pages,
// not stored yet. ErrValue: it is not the name of a new device.
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

// Difference is the part of the edit that the device does not have yet, so that
// the same can be asked for twice without scheduling anything again. Of an
// operation that is late nothing comes any more: it is to be scheduled again,
// unless the edit means the very time that has passed.
func (r *Rules) Difference(d store.Device, e Edit) (Edit, error) {
	// Lists have whole seconds.
	sameTime := e.CompletesBy != nil && e.CompletesBy.From(r.Now()).Truncate(time.Second).Equal(d.CompletesBy.Truncate(time.Second))
	if sameTime || !d.Late(r.Now()) {
		drop(&e.Operation, d.Operation)
	}
	if sameTime && e.Operation == nil {
		e.CompletesBy = nil
	}
	for _, a := range attributes {
		if !a.Secret && !a.scheduled {
			a.drop(&e, &d)
		}
	}
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
func (e Edit) Overdue(d store.Device) bool {
	return e.Operation != nil && *e.Operation == d.Operation && e == (Edit{Operation: e.Operation, CompletesBy: e.CompletesBy})
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

// FullName is the name of the device that an operator means: a MAC address alone
// is that of a hardware phone, unless an earlier capf has let a device be called
// so.
func FullName(ctx context.Context, s *store.Store, text string) string {
	if !IsMAC(text) {
		return text
	}
	if d, err := s.Device(ctx, text); err == nil {
		return d.Name
	}
	return "SEP" + strings.ToUpper(text)
}

// Empty says whether the edit changes nothing.
func (e Edit) Empty() bool { return e == Edit{} }

// Warnings tells what an operator should know about an edit, whatever the
// device.
func (e Edit) Warnings() []string {
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

// With is the edit with what another one has instead. What the other one takes
// away, a template leaves open.
func (e Edit) With(o Edit) Edit {
	for _, a := range attributes {
		if !a.Secret {
			a.over(&e, &o)
		}
	}
	switch {
	case o.NoString:
		e.UniqueString, e.String = false, nil
	case o.UniqueString:
		e.UniqueString, e.String = true, nil
	case o.String != nil:
		e.UniqueString, e.String = false, o.String
	}
	return e
}

func over[T any](field **T, value *T) {
	if value != nil {
		*field = value
	}
}

// overText is over for a text, of which the empty one is none.
func overText(field **string, value *string) {
	over(field, value)
	if value != nil && *value == "" {
		*field = nil
	}
}
