package devices

import (
	"strings"

	"capf/crypto"
	"capf/internal/apperr"
	"capf/internal/input"
)

// How names are spelled: one rule for everything that an operator types or puts into a
// file. What comes over the wire is not spelled: there, a name is what it is.
//
//   - Spelled: what a text means, without looking anything up.
//   - ParseDeviceName: Spelled, and refused if it can be no device's name.
//   - ResolveName: the same in this database, where a device may have exactly the name. For
//     lists and files.
//   - FullName: the device that a text means, in this database. For arguments.
//   - FullPattern: the same for a filter, which may hold * and ?.
//   - Doubt: what an operator should know of the name of a new device.
//
// This is plain code: every command would have to compile regular expressions at its
// start.

// A certificate cannot hold a longer name (RFC 5280, ub-common-name), so no
// new device gets one. Earlier versions accepted twice the length.
const (
	MaxNewDeviceName = crypto.MaxCommonName
	maxDeviceName    = 128
)

// sep begins the names of hardware phones.
const sep = "SEP"

// macDigits is how many hexadecimal digits a MAC address has.
const macDigits = 12

// Spelled returns the name that a text means: a MAC address in any usual notation, with SEP
// before it or without, is the hardware phone with it. Other names are what they are.
func Spelled(text string) string {
	body, _ := cutSEP(text)
	if digits := macOf(body); digits != "" {
		return sep + digits
	}
	return text
}

// cutSEP cuts SEP from the beginning, and what people put between it and a MAC address.
func cutSEP(text string) (body string, found bool) {
	if len(text) < len(sep) || !strings.EqualFold(text[:len(sep)], sep) {
		return text, false
	}
	if body = text[len(sep):]; body != "" && strings.Contains(macSeparators+"_", body[:1]) {
		body = body[1:]
	}
	return body, true
}

// macSeparators are what stands between the digits of a MAC address.
const macSeparators = ":-. "

// macOf returns the digits of a MAC address, in upper case; "" if the text is none:
// 001122334455, 00:11:22:33:44:55, 0011.2233.4455 or 001122-334455.
func macOf(text string) string {
	digits := text
	if strings.ContainsAny(text, macSeparators) {
		if !grouped(text) {
			return ""
		}
		digits = withoutSeparators(text)
	}
	if len(digits) != macDigits || !input.Consists(digits, isHex) {
		return ""
	}
	return strings.ToUpper(digits)
}

func isHex(c byte) bool { return input.IsDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }

// ParseDeviceName checks the name of a device, whether or not it exists, and returns it
// as it is Spelled; apperr.ErrValue says what is allowed. What looks like SEP and a MAC
// address that has been mistyped is refused.
func ParseDeviceName(s string) (string, error) {
	name := Spelled(s)
	body, isSEP := cutSEP(name)
	switch {
	case isSEP && macOf(body) != "":
		return name, nil
	case isSEP && mistypedMAC(body):
		return "", apperr.BadValue("%q is not a device name; after SEP come the twelve hexadecimal digits of the MAC address", s)
	case strings.Contains(s, ":") && input.Consists(withoutSeparators(s), isHex):
		return "", apperr.BadValue("%q is not a device name; a MAC address has twelve hexadecimal digits", s)
	case name == "" || len(name) > maxDeviceName || !input.Consists(name, input.IsNameByte):
		return "", apperr.BadValue("%q is not a device name; it has 1 to %d letters, digits, dots, hyphens and underscores", s, MaxNewDeviceName)
	}
	return name, nil
}

// mistypedMAC says whether what follows SEP was meant as a MAC address: digits were
// lost or doubled, or there is an O for a zero.
func mistypedMAC(body string) bool {
	if digits := withoutSeparators(body); digits != body {
		return input.Consists(digits, isHex)
	}
	return 8 <= len(body) && len(body) <= 16 && input.Consists(body, input.IsAlphanumeric)
}

func withoutSeparators(text string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(macSeparators, r) {
			return -1
		}
		return r
	}, text)
}

// Doubt returns why no phone may come that calls itself by the name, which a new
// device could have; "" if nothing speaks against it.
func Doubt(name string) string {
	body, isSEP := cutSEP(name)
	switch {
	case isSEP && macOf(body) == "":
		return "no hardware phone is called " + name + ": after SEP come the twelve hexadecimal digits of its MAC address"
	case 8 <= len(name) && len(name) < macDigits && input.Consists(name, input.IsDigit):
		return name + " is a device name, not a MAC address, which has twelve digits; a spreadsheet may have taken zeros from its beginning"
	case mistypedGroups(name):
		return name + " is a device name, not a MAC address, which has twelve hexadecimal digits in groups of two, four or six"
	}
	return ""
}

// mistypedGroups says whether a text was meant as a MAC address in groups, and has a digit
// too few or too many. Less may be a telephone number.
func mistypedGroups(name string) bool {
	digits := withoutSeparators(name)
	return digits != name && macDigits-2 <= len(digits) && len(digits) <= macDigits+2 && input.Consists(digits, isHex)
}

const wildcards = "*?"

// shortestPrefix is how many digits without SEP or separators are taken for the beginning of
// a MAC address: the manufacturer's. With fewer, be* would mean phones.
const shortestPrefix = 6

// SpelledPattern is Spelled for a text with * or ? in it. It leaves alone what is not part of
// a MAC address for sure.
func SpelledPattern(pattern string) string {
	body, isSEP := cutSEP(pattern)
	digits := withoutSeparators(body)
	isMAC := func(c byte) bool { return isHex(c) || strings.IndexByte(wildcards, c) >= 0 }
	separated := digits != body
	if !input.Consists(digits, isMAC) || len(strings.ReplaceAll(digits, "*", "")) > macDigits || separated && !grouped(body) {
		return pattern
	}
	first := strings.IndexAny(digits, wildcards)
	switch {
	case isSEP:
		return sep + digits
	case !separated && first < shortestPrefix:
		return pattern
	case digits[0] == '*':
		return digits
	}
	return sep + digits
}

// grouped says whether separators divide the text like a MAC address, as far as that can be
// seen beside wildcards: one kind of separator, and groups of 2, 4 or 6 digits. Those that
// hold a star may be of any length. Groups of three are the phone numbers of some countries.
func grouped(body string) bool {
	i := strings.IndexAny(body, macSeparators)
	length := 0
	for _, group := range strings.Split(body, body[i:i+1]) {
		switch n := len(group); {
		case strings.ContainsAny(group, macSeparators):
			return false
		case strings.Contains(group, "*"):
		case length == 0 && (n == 2 || n == 4 || n == 6):
			length = n
		case n != length:
			return false
		}
	}
	return true
}
