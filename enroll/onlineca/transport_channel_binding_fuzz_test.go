package onlineca

import (
	"bytes"
	"crypto/x509"
	"encoding/binary"
	"testing"
)

// FuzzChallenge: an NTLM challenge is refused, or gets one attribute more and
// is otherwise as it came.
func FuzzChallenge(f *testing.F) {
	head := append([]byte("NTLMSSP\x00\x02\x00\x00\x00"), make([]byte, 36)...)
	with := func(info string) []byte {
		b := bytes.Clone(head)
		binary.LittleEndian.PutUint16(b[challengeInfoAt:], uint16(len(info)))
		binary.LittleEndian.PutUint32(b[challengeInfoAt+4:], uint32(len(b)))
		return append(b, info...)
	}
	for _, seed := range [][]byte{nil, head, with("\x00\x00\x00\x00"), with("\x02\x00\x02\x00ab\x0a\x00\x01\x00x\x00\x00\x00\x00"), with("\x02\x00\xff\xff")} {
		f.Add(seed)
	}
	server := &x509.Certificate{Raw: []byte("certificate"), SignatureAlgorithm: x509.SHA256WithRSA}
	f.Fuzz(func(t *testing.T, challenge []byte) {
		out, err := withBinding(challenge, server)
		if err != nil || bytes.Equal(out, challenge) {
			return
		}
		if len(out) <= len(challenge) || !bytes.Equal(out[:challengeInfoAt], challenge[:challengeInfoAt]) ||
			!bytes.Equal(out[challengeHeader:len(challenge)], challenge[challengeHeader:]) {
			t.Errorf("%x becomes %x", challenge, out)
		}
		if !bytes.Contains(out[len(challenge):], channelBinding(server)) {
			t.Errorf("%x has no binding", out)
		}
	})
}
