package onlineca

import (
	"crypto"
	"crypto/md5"
	"crypto/x509"
	"encoding/binary"
	"errors"

	_ "crypto/sha256" // the hashes that endPointHash may choose
	_ "crypto/sha512"
)

// The offsets of the fields of an NTLM challenge ([MS-NLMP] 2.2.1.2) and
// the two attributes of its target info that matter here (2.2.2.1).
const (
	challengeInfoAt     = 40
	challengeHeader     = 48
	attributeEnd        = 0
	attributeBindings   = 10
	attributeHeaderSize = 4
)

var errChallenge = errors.New("the NTLM challenge cannot be read")

// channelBinding returns the value that ties an NTLM login to its TLS
// connection, as Extended Protection requires: MD5 over a channel bindings
// structure without addresses (RFC 4121, 4.1.1.2) around the server end point
// of RFC 5929, 4.1.
func channelBinding(server *x509.Certificate) []byte {
	hash := endPointHash(server.SignatureAlgorithm).New()
	hash.Write(server.Raw)
	data := append([]byte("tls-server-end-point:"), hash.Sum(nil)...)
	bindings := make([]byte, 16, 20+len(data))
	bindings = binary.LittleEndian.AppendUint32(bindings, uint32(len(data)))
	sum := md5.Sum(append(bindings, data...))
	return sum[:]
}

// endPointHash returns the hash of the certificate's signature, with SHA-256
// in place of MD5 and SHA-1 (RFC 5929, 4.1).
func endPointHash(a x509.SignatureAlgorithm) crypto.Hash {
	switch a {
	case x509.SHA384WithRSA, x509.SHA384WithRSAPSS, x509.ECDSAWithSHA384:
		return crypto.SHA384
	case x509.SHA512WithRSA, x509.SHA512WithRSAPSS, x509.ECDSAWithSHA512:
		return crypto.SHA512
	}
	return crypto.SHA256
}

// withBinding adds the channel binding to the target info of a challenge. The NTLM
// library does not know channel bindings, but copies the whole target info into the
// signed answer. A challenge without target info comes from a server too old for
// Extended Protection, and is left unchanged.
func withBinding(challenge []byte, server *x509.Certificate) ([]byte, error) {
	if len(challenge) < challengeHeader {
		return nil, errChallenge
	}
	size := int(binary.LittleEndian.Uint16(challenge[challengeInfoAt:]))
	at := uint64(binary.LittleEndian.Uint32(challenge[challengeInfoAt+4:]))
	if size == 0 || server == nil {
		return challenge, nil
	}
	if at+uint64(size) > uint64(len(challenge)) {
		return nil, errChallenge
	}
	info, err := addAttribute(challenge[at:at+uint64(size)], attributeBindings, channelBinding(server))
	if err != nil {
		return nil, err
	}
	// The new target info goes to the end, so that nothing else moves.
	out := append([]byte(nil), challenge...)
	binary.LittleEndian.PutUint16(out[challengeInfoAt:], uint16(len(info)))
	binary.LittleEndian.PutUint16(out[challengeInfoAt+2:], uint16(len(info)))
	binary.LittleEndian.PutUint32(out[challengeInfoAt+4:], uint32(len(out)))
	return append(out, info...), nil
}

// addAttribute adds an attribute to a list, replacing one of the same kind.
func addAttribute(list []byte, id uint16, value []byte) ([]byte, error) {
	var out []byte
	for rest := list; ; {
		if len(rest) < attributeHeaderSize {
			return nil, errChallenge
		}
		kind := binary.LittleEndian.Uint16(rest)
		size := attributeHeaderSize + int(binary.LittleEndian.Uint16(rest[2:]))
		if kind == attributeEnd {
			break
		}
		if size > len(rest) {
			return nil, errChallenge
		}
		if kind != id {
			out = append(out, rest[:size]...)
		}
		rest = rest[size:]
	}
	out = binary.LittleEndian.AppendUint16(out, id)
	out = binary.LittleEndian.AppendUint16(out, uint16(len(value)))
	out = append(out, value...)
	out = append(out, 0, 0, 0, 0)
	if len(out) > 1<<16-1 {
		return nil, errChallenge
	}
	return out, nil
}
