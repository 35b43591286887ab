// Package serialnumber spells the serial numbers of certificates.
package serialnumber

import (
	"math/big"
	"strings"
)

// Text is the one spelling that capf shows and stores: lower-case hexadecimal,
// two digits for each byte, as openssl has it but for the case. Old CAs have given
// negative numbers, too.
func Text(n *big.Int) string { return spelled(n.Text(16)) }

// Plain brings what somebody typed or copied into the spelling of Text: openssl and
// browsers show upper case, colons, blanks, 0x, and leading zeros or none. What is
// no number stays much as it is, and matches nothing.
func Plain(typed string) string {
	s := strings.ToLower(strings.TrimSpace(typed))
	if strings.ContainsAny(s, ": ") {
		s = strings.NewReplacer(":", "", " ", "").Replace(s)
	}
	if s == "" {
		return ""
	}
	return spelled(s)
}

func spelled(s string) string {
	digits, negative := strings.CutPrefix(s, "-")
	digits = even(strings.TrimLeft(strings.TrimPrefix(digits, "0x"), "0"))
	if negative {
		return "-" + digits
	}
	return digits
}

// even adds the zero that makes whole bytes of the digits.
func even(digits string) string {
	switch {
	case digits == "":
		return "00"
	case len(digits)%2 != 0:
		return "0" + digits
	}
	return digits
}

// Beginnings are the ways in which the spelling of Text may begin for somebody who
// typed only the first digits: a zero that others leave out may stand before them.
func Beginnings(typed string) []string {
	s := strings.ToLower(strings.NewReplacer(":", "", " ", "").Replace(typed))
	s = strings.TrimPrefix(s, "0x")
	return []string{s, "0" + s}
}
