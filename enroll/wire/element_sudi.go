package wire

import "encoding/binary"

// The blocks of SUDI_DATA.
const (
	sudiCertificate = 0
	sudiSHA1        = 1
	sudiSHA512      = 3
)

// SUDI is the value of a SUDI_DATA element: the manufacturer's certificate of
// the device and signatures over SUDIText, which bind it to the session. A
// missing signature is nil.
type SUDI struct {
	Certificate []byte // DER
	SHA1        []byte
	SHA512      []byte

	order []byte // of the blocks as parsed; nil means 0, 1, 3
}

// ParseSUDI reads the value of a SUDI_DATA element: blocks of type (1), length
// (2) and value, each type at most once, the certificate and at least one
// signature. The fields alias b. An error wraps ErrMalformed.
func ParseSUDI(b []byte) (SUDI, error) {
	var s SUDI
	for len(b) > 0 {
		kind := b[0]
		field := s.block(kind)
		if field == nil {
			return SUDI{}, malformed("%v with a block of type %d", TagSUDIData, kind)
		}
		if *field != nil {
			return SUDI{}, malformed("%v with two blocks of type %d", TagSUDIData, kind)
		}
		value, rest, ok := lengthPrefixed(b[1:])
		if !ok {
			return SUDI{}, malformed("%v is cut off in block %d", TagSUDIData, kind)
		}
		if len(value) == 0 {
			return SUDI{}, malformed("%v with an empty block of type %d", TagSUDIData, kind)
		}
		*field = value
		s.order = append(s.order, kind)
		b = rest
	}
	if s.Certificate == nil {
		return SUDI{}, malformed("%v without a certificate", TagSUDIData)
	}
	if s.SHA1 == nil && s.SHA512 == nil {
		return SUDI{}, malformed("%v without a signature", TagSUDIData)
	}
	return s, nil
}

// Value returns the value of the SUDI_DATA element. A parsed SUDI keeps the
// order of its blocks.
func (s SUDI) Value() []byte {
	order := s.order
	if order == nil {
		order = []byte{sudiCertificate, sudiSHA1, sudiSHA512}
	}
	var b []byte
	for _, kind := range order {
		if value := *s.block(kind); value != nil {
			b = appendBlock(b, kind, value)
		}
	}
	return b
}

// block returns the field for blocks of the type, or nil if the type is
// unknown.
func (s *SUDI) block(kind byte) *[]byte {
	switch kind {
	case sudiCertificate:
		return &s.Certificate
	case sudiSHA1:
		return &s.SHA1
	case sudiSHA512:
		return &s.SHA512
	}
	return nil
}

// SUDIText returns what the signatures of SUDI_DATA cover: the session id,
// little-endian here and only here in the protocol, and the certificate.
func SUDIText(session uint32, certDER []byte) []byte {
	b := make([]byte, 0, 4+len(certDER))
	b = binary.LittleEndian.AppendUint32(b, session)
	return append(b, certDER...)
}
