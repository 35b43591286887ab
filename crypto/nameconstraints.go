package crypto

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"net"
	"slices"
	"strings"
)

// The tags of the GeneralName forms that are understood (RFC 5280 section
// 4.2.1.6).
const (
	dnsForm       = 2
	directoryForm = 4
	addressForm   = 7
)

// generalName is one name of a certificate, or the base of a constraint.
type generalName struct {
	form  int
	value []byte // the content of the element
}

// nameConstraints are the names that an issuer allows below it (RFC 5280 section
// 4.2.1.10).
type nameConstraints struct {
	permitted, excluded []generalName
}

// checkNames refuses a path in which a certificate has a name that an issuer above it,
// the anchor included, does not allow. Package x509 checks this only as part of a
// verification that refuses SHA-1, and it ignores the names in subjects, which identify
// phones.
func checkNames(path []*x509.Certificate) error {
	for i, issuer := range path[1:] {
		if !hasExtension(issuer, nameConstraintsOID) {
			continue
		}
		limits, err := constraintsOf(issuer)
		if err != nil {
			return fmt.Errorf("the issuer %q has name constraints that are not understood: %w", nameOf(issuer), err)
		}
		for j, cert := range path[:i+1] {
			if j > 0 && bytes.Equal(cert.RawSubject, cert.RawIssuer) {
				continue // the same CA with another key
			}
			if err := limits.check(cert); err != nil {
				return fmt.Errorf("the issuer %q does not allow the names of %q: %w", nameOf(issuer), nameOf(cert), err)
			}
		}
	}
	return nil
}

func constraintsOf(issuer *x509.Certificate) (c nameConstraints, err error) {
	i := slices.IndexFunc(issuer.Extensions, func(e pkix.Extension) bool { return e.Id.Equal(nameConstraintsOID) })
	var both struct {
		Permitted []subtree `asn1:"optional,tag:0"`
		Excluded  []subtree `asn1:"optional,tag:1"`
	}
	rest, err := asn1.Unmarshal(issuer.Extensions[i].Value, &both)
	if err != nil || len(rest) > 0 {
		return c, fmt.Errorf("they are malformed")
	}
	if c.permitted, err = bases(both.Permitted); err != nil {
		return c, err
	}
	c.excluded, err = bases(both.Excluded)
	return c, err
}

// subtree is a GeneralSubtree. RFC 5280 requires a minimum of 0, which DER leaves
// out, and no maximum.
type subtree struct {
	Base    asn1.RawValue
	Minimum int `asn1:"optional,tag:0"`
	Maximum int `asn1:"optional,tag:1,default:-1"`
}

func bases(trees []subtree) (names []generalName, err error) {
	for _, t := range trees {
		if t.Base.Class != asn1.ClassContextSpecific || t.Minimum != 0 || t.Maximum != -1 {
			return nil, fmt.Errorf("they have a minimum or a maximum")
		}
		names = append(names, generalName{t.Base.Tag, t.Base.Bytes})
	}
	return names, nil
}

// check refuses a certificate with a name that is not permitted, that is excluded, or
// of a form that is constrained but not understood.
func (c nameConstraints) check(cert *x509.Certificate) error {
	names, err := namesOf(cert)
	if err != nil {
		return err
	}
	for _, name := range names {
		limited, permitted := false, false
		for _, base := range c.permitted {
			if base.form == name.form {
				within, err := name.within(base)
				if err != nil {
					return err
				}
				limited, permitted = true, permitted || within
			}
		}
		if limited && !permitted {
			return fmt.Errorf("%s is not permitted", name)
		}
		for _, base := range c.excluded {
			if base.form == name.form {
				if within, err := name.within(base); err != nil || within {
					return fmt.Errorf("%s is excluded", name)
				}
			}
		}
	}
	return nil
}

// namesOf lists the names of a certificate: its subject, unless that is empty, and its
// alternative names. When none of these is a DNS name, the common name counts as one if it
// has that form. RFC 5280 does not ask for that, and OpenSSL does it only for a name with a
// dot; but the common name identifies a phone, so a CA that is limited to some hosts must
// not name one.
func namesOf(cert *x509.Certificate) ([]generalName, error) {
	var names []generalName
	var subject pkix.RDNSequence
	if _, err := asn1.Unmarshal(cert.RawSubject, &subject); err != nil {
		return nil, fmt.Errorf("its subject is malformed")
	}
	if len(subject) > 0 {
		names = append(names, generalName{directoryForm, cert.RawSubject})
	}
	dns := false
	for _, e := range cert.Extensions {
		if !e.Id.Equal(subjectAltNameOID) {
			continue
		}
		var all []asn1.RawValue
		if rest, err := asn1.Unmarshal(e.Value, &all); err != nil || len(rest) > 0 {
			return nil, fmt.Errorf("its alternative names are malformed")
		}
		for _, n := range all {
			names = append(names, generalName{n.Tag, n.Bytes})
			dns = dns || n.Tag == dnsForm
		}
	}
	if cn := cert.Subject.CommonName; !dns && cn != "" && !strings.ContainsFunc(cn, notOfDNS) {
		names = append(names, generalName{dnsForm, []byte(cn)})
	}
	return names, nil
}

func notOfDNS(r rune) bool {
	return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-._", r))
}

// within reports whether the name is in the subtree of a base of the same
// form.
func (n generalName) within(base generalName) (bool, error) {
	switch n.form {
	case dnsForm:
		return withinDomain(string(n.value), string(base.value)), nil
	case directoryForm:
		return withinDirectory(n.value, base.value)
	case addressForm:
		return withinNet(n.value, base.value)
	}
	return false, fmt.Errorf("%s is limited in a way that is not understood", n)
}

// withinDomain treats a base that begins with a dot as package x509 and OpenSSL do:
// it matches only the names below it.
func withinDomain(name, base string) bool {
	name, base = strings.ToLower(name), strings.ToLower(base)
	switch {
	case base == "":
		return true
	case strings.HasPrefix(base, "."):
		return strings.HasSuffix(name, base)
	}
	return name == base || strings.HasSuffix(name, "."+base)
}

func withinDirectory(name, base []byte) (bool, error) {
	var n, b pkix.RDNSequence
	if rest, err := asn1.Unmarshal(base, &b); err != nil || len(rest) > 0 {
		return false, fmt.Errorf("a name in the constraints is malformed")
	}
	if rest, err := asn1.Unmarshal(name, &n); err != nil || len(rest) > 0 {
		return false, fmt.Errorf("its name is malformed")
	}
	if len(n) < len(b) {
		return false, nil
	}
	for i, rdn := range b {
		if len(rdn) != len(n[i]) {
			return false, nil
		}
		for _, want := range rdn {
			if !slices.ContainsFunc(n[i], func(have pkix.AttributeTypeAndValue) bool { return sameAttribute(have, want) }) {
				return false, nil
			}
		}
	}
	return true, nil
}

// sameAttribute compares as RFC 5280 section 7.1 requires: ignoring case, and with
// runs of blanks as one.
func sameAttribute(a, b pkix.AttributeTypeAndValue) bool {
	plain := func(v any) string { return strings.Join(strings.Fields(fmt.Sprint(v)), " ") }
	return a.Type.Equal(b.Type) && strings.EqualFold(plain(a.Value), plain(b.Value))
}

// withinNet reads the base as an address followed by a mask of the same
// length.
func withinNet(name, base []byte) (bool, error) {
	if len(base) != 2*net.IPv4len && len(base) != 2*net.IPv6len {
		return false, fmt.Errorf("an address in the constraints is malformed")
	}
	half := len(base) / 2
	return len(name) == half && net.IP(name).Mask(base[half:]).Equal(net.IP(base[:half]).Mask(base[half:])), nil
}

func (n generalName) String() string {
	switch n.form {
	case dnsForm:
		return fmt.Sprintf("the DNS name %q", n.value)
	case directoryForm:
		var name pkix.RDNSequence
		if _, err := asn1.Unmarshal(n.value, &name); err == nil {
			return fmt.Sprintf("the subject %q", name)
		}
		return "the subject"
	case addressForm:
		return "the address " + net.IP(n.value).String()
	}
	return fmt.Sprintf("a name of the form %d", n.form)
}
