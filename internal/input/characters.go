package input

import "strings"

// This is plain code and not patterns, which every command would compile at its
// start.

// IsHostName wants labels of letters, digits, hyphens and underscores, which
// neither begin nor end with a hyphen; a dot may stand at the end.
func IsHostName(s string) bool {
	if len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(s, "."), ".") {
		good := Consists(label, func(c byte) bool { return c != '.' && IsNameByte(c) })
		if !good || label == "" || len(label) > 63 || label[0] == '-' || strings.ContainsAny(label[len(label)-1:], "-_") && label != "_" {
			return false
		}
	}
	return true
}

// IsDigit says whether the byte is a decimal digit.
func IsDigit(c byte) bool { return '0' <= c && c <= '9' }

// IsAlphanumeric says whether the byte is a digit or an ASCII letter.
func IsAlphanumeric(c byte) bool { return IsDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'z' }

// IsNameByte says whether the byte may stand in the name of a device.
func IsNameByte(c byte) bool { return IsAlphanumeric(c) || c == '.' || c == '_' || c == '-' }

// Consists says whether all bytes of the text are of a kind; those of "" are.
func Consists(s string, of func(byte) bool) bool {
	for i := range len(s) {
		if !of(s[i]) {
			return false
		}
	}
	return true
}
