package devices

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"capf/crypto"
	"capf/enroll/secrets"
	"capf/enroll/settings"
	"capf/internal/apperr"
	"capf/store"
)

// The values that a new device gets.
const (
	defaultRSABits = 2048
	defaultECBits  = 384
)

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
	return d, warnings(d, edit), err
}

// Change changes a device. The strings are warnings. Errors: ErrValue,
// ErrRefused, store.ErrNotFound.
func (r *Rules) Change(ctx context.Context, actor store.Actor, name string, edit Edit) (store.Device, []string, error) {
	settings, err := r.Settings(ctx)
	if err != nil {
		return store.Device{}, nil, err
	}
	name = FullName(ctx, r.Store, name)
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

func checkTexts(d store.Device) error {
	for _, a := range attributes {
		if a.Text {
			if err := CheckText(a.Short, a.of(&d).(string)); err != nil {
				return err
			}
		}
	}
	return nil
}

// MaxText is the largest number of characters in a description, a model or a
// pool.
const MaxText = 128

// CheckText refuses, with ErrValue, anything but a one-line text.
func CheckText(what, text string) error {
	control := func(c rune) bool { return c < ' ' || c == 0x7f }
	switch {
	case !utf8.ValidString(text):
		return apperr.BadValue("the %s is not UTF-8", what)
	case utf8.RuneCountInString(text) > MaxText || strings.ContainsFunc(text, control):
		return apperr.BadValue("the %s has at most %d characters and no control characters", what, MaxText)
	}
	return nil
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

func (r *Rules) setString(d *store.Device, text string, s settings.Settings) error {
	if !IsAuthString(text) || len(text) < s.StringDigits {
		return apperr.BadValue("an authentication string has %d to %d digits", max(settings.MinDigits, s.StringDigits), settings.MaxDigits)
	}
	sealed, err := secrets.SealString(r.Sealer, d.Name, text)
	if err != nil {
		return err
	}
	d.SealedString, d.StringUsed = sealed, false
	unlock(d)
	return nil
}

// unlock unlocks a device that an operator changes, whatever the reason for the
// lock.
func unlock(d *store.Device) {
	d.WrongStrings, d.Unconfirmed, d.LockedUntil, d.LockedFor = 0, 0, time.Time{}, store.NotLocked
}

// schedule sets the operation and the time by which it has to be completed. A
// time alone moves the deadline of the scheduled operation.
func (r *Rules) schedule(d *store.Device, e Edit, s settings.Settings) error {
	now := r.Now()
	var by *time.Time
	if e.CompletesBy != nil {
		by = new(e.CompletesBy.From(now))
		if !by.After(now) {
			return apperr.BadValue("the time %s, by which the operation has to be completed, has passed", by.Format(time.RFC3339))
		}
	}
	set(&d.Operation, e.Operation)
	if e.CompletesBy != nil && d.Operation == store.NoOperation {
		return apperr.Refused("device %q has no operation that could be completed by a time", d.Name)
	}
	if e.Operation == nil {
		set(&d.CompletesBy, by)
		return nil
	}
	d.Schedule++
	if d.StringUsed && s.SingleUse { // the string was for the previous operation
		d.SealedString, d.StringUsed = nil, false
	}
	if d.Unconfirmed = 0; d.LockedFor == store.LockedForUnconfirmed {
		unlock(d)
	}
	if d.Operation == store.NoOperation {
		d.CompletesBy, d.Status = time.Time{}, store.StatusNone
		return nil
	}
	if d.Operation == store.Install && len(d.Name) > crypto.MaxCommonName {
		return apperr.Refused("the name of device %q is longer than the %d characters that a certificate can hold (RFC 5280, ub-common-name)", d.Name, crypto.MaxCommonName)
	}
	d.Status = store.StatusPending
	d.CompletesBy = now.Add(s.OperationExpires)
	set(&d.CompletesBy, by)
	return nil
}

// checkMode refuses what cannot work: a mode by string without a string, and,
// as in the chapter's 7942/7962 example, a string for a phone that cannot
// register without an LSC. Such a phone contacts CAPF by itself only if no
// string has to be typed in.
func checkMode(d store.Device, hasLSC bool) error {
	if d.AuthMode != store.ByString || d.Operation == store.NoOperation {
		return nil
	}
	if d.SealedString == nil {
		return apperr.WithHint(apperr.Refused("device %q authenticates by a string but has none", d.Name),
			"give one with --auth-string-file; for a device that exists, capf device generate-string %s makes one", d.Name)
	}
	if d.SecurityMode != store.Nonsecure && !hasLSC {
		return apperr.WithHint(apperr.Refused("device %q is %s and has no installed LSC: it cannot register, so no user can start the enrolment with a string",
			d.Name, strings.ToLower(d.SecurityMode.Long())),
			"set --auth-mode null-string or lsc, or --security-mode nonsecure until the LSC is installed")
	}
	return nil
}

// warnings returns what an operator should know about an edit that was
// made.
func warnings(d store.Device, e Edit) []string {
	var w []string
	if e.RSABits != nil && d.RSABits < 2048 {
		w = append(w, fmt.Sprintf("RSA keys of %d bits can be broken; use them only for phones that can make no others", d.RSABits))
	}
	return w
}

// GenerateString gives the device a new authentication string of ten digits
// and returns it. It is not shown again, unless an operator asks to have it
// revealed.
func (r *Rules) GenerateString(ctx context.Context, actor store.Actor, name string) (string, error) {
	s, err := r.NewString()
	if err != nil {
		return "", err
	}
	_, _, err = r.Change(ctx, actor, name, Edit{String: &s})
	return s, err
}
