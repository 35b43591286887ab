package devices

import (
	"context"
	"crypto/rand"
	"fmt"
	"math/big"

	"capf/enroll/secrets"
	"capf/enroll/settings"
	"capf/internal/apperr"
	"capf/internal/input"
	"capf/store"
)

// IsAuthString reports whether the text can be an authentication string.
func IsAuthString(s string) bool {
	return settings.MinDigits <= len(s) && len(s) <= settings.MaxDigits && input.Consists(s, input.IsDigit)
}

// NewString generates an authentication string of ten digits.
func (r *Rules) NewString() (string, error) {
	n, err := rand.Int(r.Rand, big.NewInt(1e10))
	if err != nil {
		return "", fmt.Errorf("generating an authentication string: %w", err)
	}
	return fmt.Sprintf("%010d", n), nil
}

// GenerateString gives the device a new authentication string of ten digits
// and returns both. It is not shown again, unless an operator asks to have it
// revealed.
func (r *Rules) GenerateString(ctx context.Context, actor store.Actor, name string) (store.Device, string, error) {
	s, err := r.NewString()
	if err != nil {
		return store.Device{}, "", err
	}
	d, _, err := r.Change(ctx, actor, name, Edit{String: &s})
	return d, s, err
}

// StringInForce reports whether the device has an authentication string that is valid
// for the next operation.
func StringInForce(d store.Device, s settings.Settings) bool {
	return d.SealedString != nil && !(d.StringUsed && s.SingleUse)
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

// RevealString returns the authentication string of a device, "" when it has
// none. It records that before it returns the string.
func (r *Rules) RevealString(ctx context.Context, actor store.Actor, d store.Device) (string, error) {
	secret, err := r.AuthenticationString(d)
	if err != nil {
		return "", err
	}
	err = r.Store.AddEvent(ctx, store.Event{Actor: actor, Device: d.Name,
		Action: "device-reveal-string", Outcome: "ok", Detail: "the authentication string was shown"})
	if err != nil {
		return "", fmt.Errorf("recording that the string of %q is shown: %w", d.Name, err)
	}
	return secret, nil
}

// Strings receives the unique strings of many devices.
type Strings interface {
	// Add receives the string of one device. The database is locked meanwhile.
	Add(d store.Device, secret string) error
	// Keep is called before the change is committed: from then on, what was
	// added must not be lost.
	Keep() error
}

// StringMaker generates authentication strings without repeating one.
type StringMaker struct {
	rules *Rules
	made  map[string]struct{}
}

// NewStringMaker returns a StringMaker that has generated none yet.
func (r *Rules) NewStringMaker() *StringMaker { return &StringMaker{r, map[string]struct{}{}} }

// Next returns another string.
func (m *StringMaker) Next() (string, error) {
	for {
		s, err := m.rules.NewString()
		if err != nil {
			return "", err
		}
		if _, taken := m.made[s]; !taken {
			m.made[s] = struct{}{}
			return s, nil
		}
	}
}
