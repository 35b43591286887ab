package devices

import (
	"strings"

	"capf/crypto"
	"capf/enroll/settings"
	"capf/internal/apperr"
	"capf/internal/input"
)

// How names and strings are spelt. This is plain code and not patterns, which
// every command would compile at its start.

// A certificate holds no longer name (RFC 5280, ub-common-name), so no new
// device gets one. Earlier versions took twice as many.
const (
	MaxNewDeviceName = crypto.MaxCommonName
	maxDeviceName    = 128
)

// ParseDeviceName checks the name of a device that exists, or may; apperr.ErrValue says what is allowed.
// That of a hardware phone is upper-cased, since that is how phones send it, and
// its MAC address alone, as the vendor's files have it, stands for it. Too short
// a number is refused, since a spreadsheet takes zeros from the beginning of a
// MAC address.
func ParseDeviceName(s string) (string, error) {
	if s == "" || len(s) > maxDeviceName || !input.Consists(s, input.IsNameByte) {
		return "", apperr.BadValue("%q is not a device name; it has 1 to %d letters, digits, dots, hyphens and underscores", s, MaxNewDeviceName)
	}
	up := strings.ToUpper(s)
	mac, sep := strings.CutPrefix(up, "SEP")
	switch {
	case IsMAC(s):
		return "SEP" + up, nil
	case 8 <= len(s) && len(s) < 12 && input.Consists(s, input.IsDigit):
		return "", apperr.BadValue("%q is not a device name; a MAC address has twelve digits, and a spreadsheet may have taken zeros from its beginning", s)
	case !sep:
		return s, nil
	case IsMAC(mac):
		return up, nil
	case 8 <= len(mac) && len(mac) <= 16 && input.Consists(mac, input.IsAlphanumeric):
		return "", apperr.BadValue("%q is not a device name; after SEP come the twelve hexadecimal digits of the MAC address", s)
	}
	return s, nil
}

// IsMAC says whether the text is a MAC address without anything between its
// digits.
func IsMAC(s string) bool {
	return len(s) == 12 && input.Consists(s, func(c byte) bool { return input.IsDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' })
}

// IsAuthString says whether the text can be an authentication string.
func IsAuthString(s string) bool {
	return settings.MinDigits <= len(s) && len(s) <= settings.MaxDigits && input.Consists(s, input.IsDigit)
}
