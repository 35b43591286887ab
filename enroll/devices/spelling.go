package devices

import (
	"context"
	"strings"

	"capf/crypto"
	"capf/internal/apperr"
	"capf/internal/input"
	"capf/store"
)

// How names are spelled. This is plain code: every command would
// have to compile regular expressions at its start.

// A certificate cannot hold a longer name (RFC 5280, ub-common-name), so no
// new device gets one. Earlier versions accepted twice the length.
const (
	MaxNewDeviceName = crypto.MaxCommonName
	maxDeviceName    = 128
)

// ParseDeviceName checks the name of a device, whether or not it exists; apperr.ErrValue says what
// is allowed. The name of a hardware phone is upper-cased, since that is how phones send it, and
// may be given as its MAC address alone, as in the vendor's files. A number that is too short is
// refused, since spreadsheets strip leading zeros from a MAC address.
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

// IsMAC reports whether the text is a MAC address without separators.
func IsMAC(s string) bool {
	return len(s) == 12 && input.Consists(s, func(c byte) bool { return input.IsDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' })
}
