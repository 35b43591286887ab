package devices

import (
	"fmt"
	"strings"

	"capf/enroll/settings"
	"capf/store"
)

// Empty reports whether the edit changes nothing.
func (e Edit) Empty() bool { return e == Edit{} }

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
	switch {
	case e.UniqueString && e.KeepString:
		parts = append(parts, "auth-string=(unique, where there is none)")
	case e.UniqueString:
		parts = append(parts, "auth-string=(unique)")
	}
	return strings.Join(parts, " ")
}

// LeavesString reports whether a device keeps the string that it has, instead of getting a
// unique one.
func (e Edit) LeavesString(d store.Device, s settings.Settings) bool {
	return e.UniqueString && e.KeepString && StringInForce(d, s)
}

// Warnings returns what an operator should know about an edit, whatever the
// device.
func (e Edit) Warnings() []string {
	if e.RSABits == nil {
		return nil
	}
	return warnings(store.Device{RSABits: *e.RSABits}, e)
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
