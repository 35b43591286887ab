package crypto

import (
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxCommonName is the largest number of characters in a common name (RFC
// 5280, ub-common-name).
const MaxCommonName = 64

// Name is the organisation in the CAPF certificate, as the operator gives it. A
// field that is empty is left out.
type Name struct {
	Organization       string // O, at most 64 characters
	OrganizationalUnit string // OU, at most 64
	Locality           string // L, at most 128
	State              string // ST, at most 128
	Country            string // C, two capital letters
}

// attributeKind is one kind of subject attribute with its upper bound in characters
// (RFC 5280 appendix A.1).
type attributeKind struct {
	word      string
	oid       asn1.ObjectIdentifier
	max       int
	printable bool // RFC 5280 allows PrintableString only
}

var (
	commonName         = attributeKind{"common name", asn1.ObjectIdentifier{2, 5, 4, 3}, MaxCommonName, false}
	serialNumber       = attributeKind{"serial number", asn1.ObjectIdentifier{2, 5, 4, 5}, 64, true}
	country            = attributeKind{"country", asn1.ObjectIdentifier{2, 5, 4, 6}, 2, true}
	locality           = attributeKind{"locality", asn1.ObjectIdentifier{2, 5, 4, 7}, 128, false}
	state              = attributeKind{"state", asn1.ObjectIdentifier{2, 5, 4, 8}, 128, false}
	organization       = attributeKind{"organization", asn1.ObjectIdentifier{2, 5, 4, 10}, 64, false}
	organizationalUnit = attributeKind{"organizational unit", asn1.ObjectIdentifier{2, 5, 4, 11}, 64, false}
)

// attribute is one AttributeTypeAndValue. A value that is copied keeps its
// encoding.
type attribute struct {
	Type  asn1.ObjectIdentifier
	Value asn1.RawValue
}

// relativeNameSET is one RelativeDistinguishedName. The name must end in SET, which tells
// encoding/asn1 to write one.
type relativeNameSET []attribute

// NameOf reads the organisation from a certificate's subject, the first
// attribute of each kind. A value that we would not put into a subject is
// left out.
func NameOf(cert *x509.Certificate) Name {
	take := func(kind attributeKind, values []string) string {
		if len(values) == 0 || kind.check(values[0]) != nil {
			return ""
		}
		return values[0]
	}
	s := cert.Subject
	n := Name{
		Organization: take(organization, s.Organization), OrganizationalUnit: take(organizationalUnit, s.OrganizationalUnit),
		Locality: take(locality, s.Locality), State: take(state, s.Province), Country: take(country, s.Country),
	}
	if n.Check() != nil {
		n.Country = ""
	}
	return n
}

// Check refuses a value that may not stand in a certificate; the error names
// the field.
func (n Name) Check() error {
	_, err := n.attributes()
	return err
}

// attributes returns the fields that are set, country first.
func (n Name) attributes() ([]attribute, error) {
	if n.Country != "" && !(len(n.Country) == 2 && isCapital(n.Country[0]) && isCapital(n.Country[1])) {
		return nil, fmt.Errorf("country %q: two capital letters are needed", n.Country)
	}
	fields := []struct {
		kind  attributeKind
		value string
	}{
		{country, n.Country}, {state, n.State}, {locality, n.Locality},
		{organization, n.Organization}, {organizationalUnit, n.OrganizationalUnit},
	}
	var out []attribute
	for _, f := range fields {
		if f.value == "" {
			continue
		}
		a, err := f.kind.encode(f.value)
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

func isCapital(c byte) bool { return 'A' <= c && c <= 'Z' }

// Subject returns the DER of a phone's subject: serialNumber, C, O, OU, CN in this
// order (behaviour.md, The LSC). C, O and, unless the template has one, OU are copied
// from the issuer's subject as they are encoded there; its other attributes, ST and L
// among them, are not. An empty serialNumber is left out. Values over the bounds of
// RFC 5280 (64 characters each) or with control characters are refused.
func (l LSCTemplate) Subject(issuer *x509.Certificate) (rawSubject []byte, err error) {
	var attributes []attribute
	if l.SerialNumber != "" {
		a, err := serialNumber.encode(l.SerialNumber)
		if err != nil {
			return nil, err
		}
		attributes = append(attributes, a)
	}
	inherited := []attributeKind{country, organization, organizationalUnit}
	if l.OrganizationalUnit != "" {
		inherited = inherited[:2]
	}
	if attributes, err = appendInherited(attributes, issuer.RawSubject, inherited); err != nil {
		return nil, err
	}
	if l.OrganizationalUnit != "" {
		a, err := organizationalUnit.encode(l.OrganizationalUnit)
		if err != nil {
			return nil, err
		}
		attributes = append(attributes, a)
	}
	a, err := commonName.encode(l.commonName())
	if err != nil {
		return nil, err
	}
	return marshalName(append(attributes, a))
}

// appendInherited appends what an issuer's subject has of these kinds.
func appendInherited(to []attribute, rawSubject []byte, kinds []attributeKind) ([]attribute, error) {
	var names []relativeNameSET
	if _, err := asn1.Unmarshal(rawSubject, &names); err != nil {
		return nil, fmt.Errorf("reading the issuer's subject: %w", err)
	}
	for _, kind := range kinds {
		for _, rdn := range names {
			for _, a := range rdn {
				if a.Type.Equal(kind.oid) {
					to = append(to, a)
				}
			}
		}
	}
	return to, nil
}

// marshalName encodes a name with one RelativeDistinguishedName for each
// attribute.
func marshalName(attributes []attribute) ([]byte, error) {
	names := make([]relativeNameSET, len(attributes))
	for i, a := range attributes {
		names[i] = relativeNameSET{a}
	}
	der, err := asn1.Marshal(names)
	if err != nil {
		return nil, fmt.Errorf("encoding a subject: %w", err)
	}
	return der, nil
}

// encode checks a value and encodes it as PrintableString if possible, otherwise
// as UTF8String: the two that RFC 5280 section 4.1.2.4 allows.
func (k attributeKind) encode(value string) (attribute, error) {
	if err := k.check(value); err != nil {
		return attribute{}, err
	}
	der, err := asn1.Marshal(value)
	if err != nil {
		return attribute{}, fmt.Errorf("%s %q: %w", k.word, value, err)
	}
	return attribute{k.oid, asn1.RawValue{FullBytes: der}}, nil
}

func (k attributeKind) check(value string) error {
	switch {
	case value == "":
		return fmt.Errorf("%s is empty", k.word)
	case !utf8.ValidString(value):
		return fmt.Errorf("%s %q is not UTF-8", k.word, value)
	case utf8.RuneCountInString(value) > k.max:
		return fmt.Errorf("%s %q has %d characters: at most %d are allowed", k.word, value, utf8.RuneCountInString(value), k.max)
	case strings.ContainsFunc(value, func(r rune) bool { return unicode.IsControl(r) || r == utf8.RuneError }):
		return fmt.Errorf("%s %q has a control character", k.word, value)
	case strings.TrimSpace(value) != value:
		return fmt.Errorf("%s %q begins or ends with a blank", k.word, value)
	case k.printable && !isPrintable(value):
		return fmt.Errorf("%s %q has a character outside PrintableString", k.word, value)
	}
	return nil
}

// isPrintable reports whether a value is an ASN.1 PrintableString.
func isPrintable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune(" '()+,-./:=?", r))
	})
}

// MICNames returns the common name and the subject serial number of a MIC, which its
// LSC inherits. A value that is absent, or that we would not put into a subject, is
// returned empty, so that an odd MIC falls back to the device name instead of
// failing.
func MICNames(mic *x509.Certificate) (cn, serial string) {
	if commonName.check(mic.Subject.CommonName) == nil {
		cn = mic.Subject.CommonName
	}
	if serialNumber.check(mic.Subject.SerialNumber) == nil {
		serial = mic.Subject.SerialNumber
	}
	return cn, serial
}

// commonNames counts the common names in the subject of a certificate;
// pkix.Name keeps only the last one.
func commonNames(cert *x509.Certificate) (n int) {
	for _, a := range cert.Subject.Names {
		if a.Type.Equal(commonName.oid) {
			n++
		}
	}
	return n
}
