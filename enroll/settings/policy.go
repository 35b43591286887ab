package settings

import (
	"fmt"

	"capf/crypto"
	"capf/store"
)

// A site can forbid what the vendor allows: authentication by null string,
// short strings, and strings that never expire.

// Forbidden is why a device may not authenticate in its mode, "" if it may.
func (s *Settings) Forbidden(d store.Device) (why string) {
	switch {
	case d.AuthMode == store.ByNullString && !s.AllowNullString:
		return fmt.Sprintf("By Null String is not allowed: %s is false", AllowNullString)
	case d.AuthMode == store.ByString && s.shortString(d):
		return fmt.Sprintf("the authentication string of the device has fewer than %d digits: %s", s.StringDigits, StringDigits)
	}
	return ""
}

// shortString reports whether the string of a device has fewer digits than
// required. The size of its sealed form shows the length.
func (s *Settings) shortString(d store.Device) bool {
	return d.SealedString != nil && len(d.SealedString) < crypto.SealedSize(s.StringDigits)
}
