package input

import "strings"

// This is plain code, because every command would have to compile regular expressions
// when it starts.

// IsHostName requires labels of letters, digits, hyphens and underscores that neither
// begin nor end with a hyphen. A final dot is allowed.
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

// IsNameByte says whether the byte may occur in the name of a device.
func IsNameByte(c byte) bool { return IsAlphanumeric(c) || c == '.' || c == '_' || c == '-' }

// Consists says whether all bytes of the text are of a kind; it is true for "".
func Consists(s string, of func(byte) bool) bool {
	for i := range len(s) {
		if !of(s[i]) {
			return false
		}
	}
	return true
}
