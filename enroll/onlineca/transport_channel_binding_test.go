package onlineca

import (
	"bytes"
	"crypto/x509"
	"encoding/binary"
	"strings"
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

func TestAttributesOfAChallenge(t *testing.T) {
	t.Parallel()
	for list, ok := range map[string]bool{
		"\x00\x00\x00\x00": true,
		"":                 false,
		"\x01\x00":         false,
		"\x01\x00\xff\xff": false,
		"\x0a\x00\x01\x00x\x02\x00\x00\x00\x00\x00\x00\x00": true,
	} {
		out, err := addAttribute([]byte(list), attributeBindings, []byte("0123"))
		if (err == nil) != ok {
			t.Errorf("%q: %v", list, err)
		}
		if ok && bytes.Count(out, []byte("\x0a\x00\x04\x000123")) != 1 || strings.Contains(string(out), "x") {
			t.Errorf("%q becomes %q", list, out)
		}
	}
}
