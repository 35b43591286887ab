package wire

import "encoding/binary"

// SHA2Signature is the value of a SHA2_SIGNED_DATA element. Phones use SHA512.
type SHA2Signature struct {
	Digest    DigestType
	Signature []byte
}

// ParseSHA2Signature reads the value of a SHA2_SIGNED_DATA element, which it
// must fill. The signature aliases b. An error wraps ErrMalformed.
func ParseSHA2Signature(b []byte) (SHA2Signature, error) {
	if len(b) == 0 {
		return SHA2Signature{}, malformed("%v is empty", TagSHA2SignedData)
	}
	sig, rest, ok := lengthPrefixed(b[1:])
	switch {
	case !ok:
		return SHA2Signature{}, malformed("%v is cut off", TagSHA2SignedData)
	case len(rest) > 0:
		return SHA2Signature{}, malformed("%v with %d bytes after the signature", TagSHA2SignedData, len(rest))
	case len(sig) == 0:
		return SHA2Signature{}, malformed("%v without a signature", TagSHA2SignedData)
	}
	return SHA2Signature{DigestType(b[0]), sig}, nil
}

// Value returns the value of the SHA2_SIGNED_DATA element.
func (s SHA2Signature) Value() []byte {
	return appendBlock(nil, byte(s.Digest), s.Signature)
}

// appendBlock appends type (1), length (2) and value.
func appendBlock(b []byte, kind byte, value []byte) []byte {
	b = append(b, kind)
	b = binary.BigEndian.AppendUint16(b, uint16(len(value)))
	return append(b, value...)
}

// SignedText returns what SIGNED_DATA and SHA2_SIGNED_DATA of an
// AUTH_RESPONSE cover: the device name as sent, NUL, the certificate. RSA
// signatures are PKCS#1 v1.5 around the bare hash, without DigestInfo; EC
// ones are ASN.1 ECDSA.
func SignedText(device string, certDER []byte) []byte {
	b := make([]byte, 0, len(device)+1+len(certDER))
	b = append(b, device...)
	b = append(b, 0)
	return append(b, certDER...)
}
