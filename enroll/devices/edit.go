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

// Difference returns the part of the edit that the device does not have yet, so
// that repeating an edit does not schedule anything again. An operation that is
// late can no longer be completed, so it is scheduled again, unless the edit
// names the very time that has passed.
func (r *Rules) Difference(d store.Device, e Edit) (Edit, error) {
	// Lists show whole seconds.
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

// Overdue reports whether a Difference exists only because the device's
// operation is late.
func (e Edit) Overdue(d store.Device) bool {
	return e.Operation != nil && *e.Operation == d.Operation && e == (Edit{Operation: e.Operation, CompletesBy: e.CompletesBy})
}

func drop[T comparable](wanted **T, is T) {
	if *wanted != nil && **wanted == is {
		*wanted = nil
	}
}

// dropText ignores blanks around a text, which an earlier capf stored.
func dropText(wanted **string, is string) {
	if *wanted != nil && strings.TrimSpace(**wanted) == strings.TrimSpace(is) {
		*wanted = nil
	}
}

// FullName returns the name of the device that an operator means: a MAC address
// alone means the hardware phone with it, unless an earlier capf allowed it as a
// device's name.
func FullName(ctx context.Context, s *store.Store, text string) string {
	if !IsMAC(text) {
		return text
	}
	if d, err := s.Device(ctx, text); err == nil {
		return d.Name
	}
	return "SEP" + strings.ToUpper(text)
}

// Describe names what the edit changes, for the record: never the string.
func (e Edit) Describe() string {
	var parts []string
	for _, a := range attributes {
		switch {
		case a.Secret && e.String != nil:
			parts = append(parts, a.Flag()+"=(set)")
		case a.Secret && e.NoString:
			parts = append(parts, a.Flag()+"=(removed)")
		case a.Secret:
		case a.Name == "completes_by" && e.CompletesBy != nil:
			parts = append(parts, a.Flag()+"="+e.CompletesBy.String())
		case a.given(&e) != nil:
			parts = append(parts, fmt.Sprintf("%s=%v", a.Flag(), a.given(&e)))
		}
	}
	if e.UniqueString {
		parts = append(parts, "auth-string=(unique)")
	}
	return strings.Join(parts, " ")
}

// Empty reports whether the edit changes nothing.
func (e Edit) Empty() bool { return e == Edit{} }

// Warnings returns what an operator should know about an edit, whatever the
// device.
func (e Edit) Warnings() []string {
	if e.RSABits == nil {
		return nil
	}
	return warnings(store.Device{RSABits: *e.RSABits}, e)
}

// NewString generates an authentication string of ten digits.
func (r *Rules) NewString() (string, error) {
	n, err := rand.Int(r.Rand, big.NewInt(1e10))
	if err != nil {
		return "", fmt.Errorf("generating an authentication string: %w", err)
	}
	return fmt.Sprintf("%010d", n), nil
}

// With returns the edit overridden by another one. What the other edit clears,
// a template leaves unset.
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

// overText is over for a text, where the empty one means none.
func overText(field **string, value *string) {
	over(field, value)
	if value != nil && *value == "" {
		*field = nil
	}
}
