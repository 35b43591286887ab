package trustlist

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// ErrNoCertificate says that a record has no certificate, as that of a CUCM cluster that
// is not secure.
var ErrNoCertificate = errors.New("the record has no certificate")

// Record says that a phone may use a certificate in a role. What is empty was absent.
type Record struct {
	DNSName   string // host name or address, as text; CUCM writes it
	Subject   string
	Role      Role
	Issuer    string
	Serial    []byte // big-endian, without leading zeros
	PublicKey []byte // RSA: PKCS #1; EC: the uncompressed point
	Signature []byte // that inside the certificate
	DER       []byte // the certificate
	Address   []byte // IPv4; CUCM writes it
	Unknown   []Element
}

// NewRecord is the record that gives cert a role, with the elements of certutils. Fit
// says whether phones can use it.
func NewRecord(cert *x509.Certificate, role Role) Record {
	return Record{
		Subject:   Name(cert.RawSubject),
		Role:      role,
		Issuer:    Name(cert.RawIssuer),
		Serial:    cert.SerialNumber.Bytes(),
		PublicKey: publicKeyBytes(cert.PublicKey),
		Signature: cert.Signature,
		DER:       cert.Raw,
	}
}

// publicKeyBytes are the bytes of a PUBLICKEY element, none for a key that has none.
func publicKeyBytes(public crypto.PublicKey) []byte {
	switch key := public.(type) {
	case *rsa.PublicKey:
		return x509.MarshalPKCS1PublicKey(key)
	case *ecdsa.PublicKey:
		if point, err := key.Bytes(); err == nil {
			return point
		}
	}
	return nil
}

// Certificate parses the certificate in the record. It returns ErrNoCertificate where
// there is none.
func (r *Record) Certificate() (*x509.Certificate, error) {
	if len(r.DER) == 0 {
		return nil, ErrNoCertificate
	}
	return x509.ParseCertificate(r.DER)
}

// Holds reports whether the record is about that certificate.
func (r *Record) Holds(cert *x509.Certificate) bool {
	if len(r.DER) > 0 {
		return bytes.Equal(r.DER, cert.Raw)
	}
	return len(r.PublicKey) > 0 && bytes.Equal(r.PublicKey, publicKeyBytes(cert.PublicKey)) &&
		bytes.Equal(trimZeros(r.Serial), cert.SerialNumber.Bytes()) && sameName(r.Issuer, Name(cert.RawIssuer))
}

// key is the public key that the record gives to a phone.
func (r *Record) key() (crypto.PublicKey, error) {
	cert, err := r.Certificate()
	switch {
	case errors.Is(err, ErrNoCertificate) && len(r.PublicKey) > 0:
		return x509.ParsePKCS1PublicKey(r.PublicKey)
	case err != nil:
		return nil, err
	case len(r.PublicKey) > 0 && !bytes.Equal(r.PublicKey, publicKeyBytes(cert.PublicKey)):
		return nil, errors.New("the record has another public key than its certificate")
	}
	return cert.PublicKey, nil
}

// parseRecord reads the record at the beginning of file[at:], and returns where it ends.
func parseRecord(file []byte, at int) (Record, int, error) {
	if at+5 > len(file) {
		return Record{}, 0, malformed("the file ends after %d bytes of it", len(file)-at)
	}
	if file[at] != recordLength || file[at+1] != 0 || file[at+2] != 2 {
		return Record{}, 0, malformed("it does not begin with RECORDLENGTH, but with %x", file[at:at+3])
	}
	length := int(binary.BigEndian.Uint16(file[at+3:]))
	if length < 5 || at+length > len(file) {
		return Record{}, 0, malformed("RECORDLENGTH is %d, but the file has %d bytes from there", length, len(file)-at)
	}
	r := reader{b: file, at: at + 5, end: at + length, within: "the record", named: recordTagName}
	var record Record
	seen := map[byte]bool{recordLength: true}
	for r.at < r.end {
		start := r.at
		e, err := r.next()
		if err != nil {
			return Record{}, 0, err
		}
		if _, known := recordTagNames[e.Tag]; known && seen[e.Tag] {
			return Record{}, 0, malformed("%s at byte %d stands there twice", recordTagName(e.Tag), start)
		}
		seen[e.Tag] = true
		if err := record.take(e); err != nil {
			return Record{}, 0, err
		}
	}
	if !seen[recordRole] {
		return Record{}, 0, malformed("it has no FUNCTION, which says what it is for")
	}
	return record, r.end, nil
}

func (r *Record) take(e Element) (err error) {
	switch e.Tag {
	case recordDNSName:
		r.DNSName, err = text("DNSNAME", e.Value)
	case recordSubject:
		r.Subject, err = text("SUBJECTNAME", e.Value)
	case recordRole:
		if len(e.Value) != 2 {
			return malformed("FUNCTION has %d bytes instead of 2", len(e.Value))
		}
		r.Role = Role(binary.BigEndian.Uint16(e.Value))
	case recordIssuer:
		r.Issuer, err = text("ISSUERNAME", e.Value)
	case recordSerial:
		r.Serial = e.Value
	case recordPublicKey:
		r.PublicKey = e.Value
	case recordSignature:
		r.Signature = e.Value
	case recordCertificate:
		r.DER = e.Value
	case recordAddress:
		r.Address = e.Value
	default:
		r.Unknown = append(r.Unknown, e)
	}
	return err
}

// append writes the record in the order of certutils; elements that only CUCM writes
// stand where CUCM has them.
func (r *Record) append(b []byte) ([]byte, error) {
	for _, field := range []struct{ what, text string }{
		{"DNS name", r.DNSName}, {"subject", r.Subject}, {"issuer", r.Issuer},
	} {
		if err := checkText(field.what, field.text); err != nil {
			return nil, err
		}
	}
	begin := len(b)
	b = appendElement(b, recordLength, 0, 0)
	if r.DNSName != "" {
		b = appendText(b, recordDNSName, r.DNSName)
	}
	if r.Subject != "" {
		b = appendText(b, recordSubject, r.Subject)
	}
	if r.Issuer != "" {
		b = appendText(b, recordIssuer, r.Issuer)
	}
	role := Element{recordRole, binary.BigEndian.AppendUint16(nil, uint16(r.Role))}
	elements := append([]Element{{recordSerial, r.Serial}, role, {recordPublicKey, r.PublicKey},
		{recordSignature, r.Signature}, {recordCertificate, r.DER}, {recordAddress, r.Address}}, r.Unknown...)
	for i, e := range elements {
		switch {
		case len(e.Value) > math.MaxUint16:
			return nil, malformed("%s has %d bytes, more than its length can say", recordTagName(e.Tag), len(e.Value))
		case len(e.Value) > 0 || i >= 6: // an unknown one may be empty
			b = appendElement(b, e.Tag, e.Value...)
		}
	}
	length := len(b) - begin
	if length > math.MaxUint16 {
		return nil, fmt.Errorf("its record would have %d bytes, more than the %d that its length can say", length, math.MaxUint16)
	}
	binary.BigEndian.PutUint16(b[begin+3:], uint16(length))
	return b, nil
}
