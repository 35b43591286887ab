package wire

import "encoding/binary"

// Certificate is the value of a CERTIFICATE element: 01, a length (2) that
// covers the rest, 00, the type (1), the DER.
type Certificate struct {
	Type CertificateType
	DER  []byte
}

// ParseCertificate reads the value of a CERTIFICATE element, which it must
// fill. The DER aliases b and is not parsed. An error wraps ErrMalformed.
func ParseCertificate(b []byte) (Certificate, error) {
	if len(b) < 5 {
		return Certificate{}, malformed("%v of %d bytes is cut off", TagCertificate, len(b))
	}
	if b[0] != 1 || b[3] != 0 {
		return Certificate{}, malformed("%v begins with %02x and has %02x before its type, not 01 and 00", TagCertificate, b[0], b[3])
	}
	if n := int(binary.BigEndian.Uint16(b[1:])); n != len(b)-3 {
		return Certificate{}, malformed("%v announces %d bytes, there are %d", TagCertificate, n, len(b)-3)
	}
	if err := checkCertificateType(b[4]); err != nil {
		return Certificate{}, err
	}
	if len(b) == 5 {
		return Certificate{}, malformed("%v is empty", TagCertificate)
	}
	return Certificate{CertificateType(b[4]), b[5:len(b):len(b)]}, nil
}

// Value returns the value of the CERTIFICATE element. DER that is too long for
// the two-byte length is too long for a frame as well, and Marshal refuses it.
func (c Certificate) Value() []byte {
	b := make([]byte, 0, 5+len(c.DER))
	b = append(b, 1)
	b = binary.BigEndian.AppendUint16(b, uint16(len(c.DER)+2))
	b = append(b, 0, byte(c.Type))
	return append(b, c.DER...)
}
