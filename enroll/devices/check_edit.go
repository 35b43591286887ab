package devices

import (
	"errors"

	"capf/enroll/settings"
	"capf/internal/apperr"
	"capf/store"
)

// Reason tells the refusal of one device, which does not affect the others,
// from other errors.
func Reason(err error) (string, error) {
	if errors.Is(err, apperr.ErrRefused) || errors.Is(err, apperr.ErrValue) {
		return err.Error(), nil
	}
	return "", err
}

// Check finds values that no device can have. What only some devices refuse is
// found when they are changed.
func (r *Rules) Check(e Edit, s settings.Settings) error {
	if e.UniqueString && (e.String != nil || e.NoString) {
		return apperr.BadValue("a unique string for each device, one for all, and none exclude each other")
	}
	d, err := New("SEP000000000000")
	if err != nil {
		return err
	}
	sample := e
	if sample.Operation == nil && sample.CompletesBy != nil {
		install := store.Install // a time alone is for devices that have an operation
		sample.Operation = &install
	}
	if err := r.Edit(&d, sample, s, true); errors.Is(err, apperr.ErrValue) {
		return err
	}
	return nil
}

// WithExample replaces unique strings by an example string, for checks that
// must not generate any.
func (e Edit) WithExample() Edit {
	if e.UniqueString {
		example := "0000000000"
		e.String = &example
	}
	return e
}
