package trustlist

import (
	"encoding/asn1"
	"encoding/hex"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// attribute is one AttributeTypeAndValue, its value as it is encoded.
type attribute struct {
	Type  asn1.ObjectIdentifier
	Value asn1.RawValue
}

// relativeNameSET must end in SET, which tells encoding/asn1 to read one.
type relativeNameSET []attribute

// attributeWords are the words for types of attributes, those of RFC 4514.
var attributeWords = map[string]string{
	"2.5.4.3": "CN", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST", "2.5.4.9": "STREET",
	"2.5.4.10": "O", "2.5.4.11": "OU",
	"0.9.2342.19200300.100.1.1": "UID", "0.9.2342.19200300.100.1.25": "DC",
}

// Name spells the subject or issuer of a certificate, from its DER, as lists have it:
// RFC 4514, but in the order of the certificate, as certutils does.
func Name(der []byte) string {
	var name []relativeNameSET
	if rest, err := asn1.Unmarshal(der, &name); err != nil || len(rest) > 0 {
		// No certificate that Go has parsed has such a name.
		return "#" + hex.EncodeToString(der)
	}
	var parts []string
	for _, relative := range name {
		var values []string
		for _, a := range relative {
			word := a.Type.String()
			if known, ok := attributeWords[word]; ok {
				word = known
			}
			values = append(values, word+"="+spell(a.Value))
		}
		parts = append(parts, strings.Join(values, "+"))
	}
	return strings.Join(parts, ",")
}

// spell is a value as RFC 4514 has it: text with backslashes, or # and its DER.
func spell(v asn1.RawValue) string {
	var s string
	switch {
	case v.Class != asn1.ClassUniversal:
		return "#" + hex.EncodeToString(v.FullBytes)
	case v.Tag == asn1.TagBMPString && len(v.Bytes)%2 == 0:
		var units []uint16
		for i := 0; i < len(v.Bytes); i += 2 {
			units = append(units, uint16(v.Bytes[i])<<8|uint16(v.Bytes[i+1]))
		}
		s = string(utf16.Decode(units))
	case v.Tag == asn1.TagT61String:
		// Latin-1 in practice.
		for _, b := range v.Bytes {
			s += string(rune(b))
		}
	case slices.Contains([]int{asn1.TagUTF8String, asn1.TagPrintableString, asn1.TagIA5String, asn1.TagNumericString}, v.Tag) && utf8.Valid(v.Bytes):
		s = string(v.Bytes)
	default:
		return "#" + hex.EncodeToString(v.FullBytes)
	}
	return escape(s)
}

// escape follows RFC 4514, section 2.4.
func escape(s string) string {
	s = strings.NewReplacer(`\`, `\\`, `"`, `\"`, `+`, `\+`, `,`, `\,`, `;`, `\;`, `<`, `\<`, `>`, `\>`, "\x00", `\00`).Replace(s)
	if strings.HasPrefix(s, "#") || len(s) > 1 && s[0] == ' ' {
		s = `\` + s
	}
	if strings.HasSuffix(s, " ") {
		s = s[:len(s)-1] + `\ `
	}
	return s
}

// sameName reports whether two lists mean one name: certutils joins its parts with a
// comma and escapes, CUCM joins them with a semicolon.
func sameName(a, b string) bool {
	return a == b || slices.Equal(nameParts(a), nameParts(b))
}

// nameParts are the parts of a name, without escapes. Unescaped commas separate only
// where no semicolon does, because CUCM does not escape those in values.
func nameParts(name string) []string {
	separator := byte(',')
	for i := 0; i < len(name); i++ {
		if name[i] == '\\' {
			i++
		} else if name[i] == ';' {
			separator = ';'
		}
	}
	var parts []string
	var part []byte
	for i := 0; i < len(name); i++ {
		switch {
		case name[i] == '\\' && i+1 < len(name):
			i++
			part = append(part, name[i])
		case name[i] == separator:
			parts, part = append(parts, strings.TrimSpace(string(part))), nil
		default:
			part = append(part, name[i])
		}
	}
	return append(parts, strings.TrimSpace(string(part)))
}
