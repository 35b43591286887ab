package crypto

import (
	"bytes"
	"encoding/binary"
	"math/big"
	"time"
)

// The LSCs that CAPF signs are written by hand, from few kinds of element.
// x509.CreateCertificate makes the same bytes, but with twice the allocations,
// and then verifies the signature, which crypto/rsa has done already, against
// faults. When a thousand phones enrol, that is 3 per cent of what the server does.

// The tags of their elements (X.690, section 8).
const (
	tagBoolean         = 0x01
	tagInteger         = 0x02
	tagBitString       = 0x03
	tagOctets          = 0x04
	tagOID             = 0x06
	tagUTCTime         = 0x17
	tagGeneralizedTime = 0x18
	tagSequence        = 0x30
	tagContext         = 0x80 // [0], primitive; [2] is two more
	tagContextHolding  = 0xa0 // [0], constructed
)

// der is an element with its length (X.690, section 10.1) and its parts, one
// after the other.
func der(tag byte, parts ...[]byte) []byte {
	length := 0
	for _, p := range parts {
		length += len(p)
	}
	out := append(make([]byte, 0, length+6), tag)
	if length < 0x80 {
		out = append(out, byte(length))
	} else {
		n := bytes.TrimLeft(binary.BigEndian.AppendUint32(nil, uint32(length)), "\x00")
		out = append(append(out, 0x80|byte(len(n))), n...)
	}
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

// derPositive is an INTEGER above zero.
func derPositive(n *big.Int) []byte {
	// A sign bit of 0 needs a byte of its own when the number fills its bytes.
	return der(tagInteger, n.FillBytes(make([]byte, n.BitLen()/8+1)))
}

// derBits is a BIT STRING of whole bytes but for the unused bits of the last one.
func derBits(unused byte, bits ...byte) []byte {
	return der(tagBitString, []byte{unused}, bits)
}

// derTime is a Time: through 2049 with two digits of the year (RFC 5280,
// section 4.1.2.5).
func derTime(t time.Time) []byte {
	t = t.UTC()
	if t.Year() < 2050 {
		return der(tagUTCTime, []byte(t.Format("060102150405Z")))
	}
	return der(tagGeneralizedTime, []byte(t.Format("20060102150405Z")))
}

// derExtension is an Extension below id-ce (2.5.29).
func derExtension(arc byte, critical bool, value []byte) []byte {
	var flag []byte // FALSE is the default, which DER leaves out
	if critical {
		flag = []byte{tagBoolean, 1, 0xff}
	}
	return der(tagSequence, []byte{tagOID, 3, 0x55, 0x1d, arc}, flag, der(tagOctets, value))
}

// derPurposes is an ExtKeyUsageSyntax of arcs below id-kp (1.3.6.1.5.5.7.3).
func derPurposes(arcs ...byte) []byte {
	var list []byte
	for _, arc := range arcs {
		list = append(list, tagOID, 8, 0x2b, 6, 1, 5, 5, 7, 3, arc)
	}
	return der(tagSequence, list)
}
