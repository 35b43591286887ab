package catest

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"strings"
	"time"
	"unicode/utf16"
)

// The server's side of NTLMv2, after [MS-NLMP]: enough to tell a right
// password from a wrong one, and a login bound to this TLS connection from one
// that is not.

const ntlmSignature = "NTLMSSP\x00"

func messageType(m []byte) uint32 {
	if len(m) < 12 || string(m[:8]) != ntlmSignature {
		return 0
	}
	return binary.LittleEndian.Uint32(m[8:])
}

func newChallenge() []byte {
	c := make([]byte, 8)
	rand.Read(c) // crypto/rand does not fail
	return c
}

// challengeMessage is laid out as 2.2.1.2 shows: Unicode, with target info and
// a timestamp, as Windows sends it.
func challengeMessage(challenge []byte) []byte {
	name := utf16le("TEST")
	var info []byte
	attribute := func(id uint16, value []byte) {
		info = binary.LittleEndian.AppendUint16(info, id)
		info = binary.LittleEndian.AppendUint16(info, uint16(len(value)))
		info = append(info, value...)
	}
	attribute(2, name)                  // domain
	attribute(1, utf16le("TESTCA"))     // computer
	attribute(4, utf16le("test.local")) // domain, DNS
	// 100 ns since 1601
	attribute(7, binary.LittleEndian.AppendUint64(nil, uint64(time.Now().UnixNano())/100+116444736000000000))
	attribute(0, nil)

	const header = 56
	m := append([]byte(ntlmSignature), 2, 0, 0, 0)
	m = field(m, len(name), header)
	m = binary.LittleEndian.AppendUint32(m, 0xa2898205) // 56, 128, version, target info, extended security, always sign, NTLM, target, Unicode
	m = append(m, challenge...)
	m = append(m, make([]byte, 8)...)
	m = field(m, len(info), header+len(name))
	m = append(m, 10, 0, 0x63, 0x45, 0, 0, 0, 15)
	return append(append(m, name...), info...)
}

func field(m []byte, size, at int) []byte {
	m = binary.LittleEndian.AppendUint16(m, uint16(size))
	m = binary.LittleEndian.AppendUint16(m, uint16(size))
	return binary.LittleEndian.AppendUint32(m, uint32(at))
}

// verify checks an AUTHENTICATE message (2.2.1.3, 3.3.2).
func (s *Server) verify(m, challenge []byte) bool {
	if messageType(m) != 3 || len(m) < 64 {
		return false
	}
	response, domain, user := part(m, 20), part(m, 28), part(m, 36)
	if len(response) < 16+28 {
		return false
	}
	name, _, _ := strings.Cut(fromUTF16(user), "@")
	if !strings.EqualFold(name, s.login.Username) {
		return false
	}
	hash := md4(utf16le(s.login.Password))
	key := mac(hash[:], utf16le(strings.ToUpper(fromUTF16(user))), domain)
	proof, blob := response[:16], response[16:]
	if !hmac.Equal(proof, mac(key, challenge, blob)) {
		return false
	}
	return s.bound(blob[28:])
}

// bound looks at the channel binding among the attributes that the client
// signed.
func (s *Server) bound(attributes []byte) bool {
	var given []byte
	for len(attributes) >= 4 {
		id, size := binary.LittleEndian.Uint16(attributes), int(binary.LittleEndian.Uint16(attributes[2:]))
		if id == 0 || size+4 > len(attributes) {
			break
		}
		if id == 10 {
			given = attributes[4 : 4+size]
		}
		attributes = attributes[4+size:]
	}
	right := bytes.Equal(given, s.binding())
	switch s.login.ExtendedProtection {
	case "required":
		return right
	case "allowed":
		return given == nil || right
	}
	return true
}

// binding is the MD5 of the channel bindings structure. The certificates made
// here are signed with SHA-256 or less, so the end point is a SHA-256 hash.
func (s *Server) binding() []byte {
	hash := sha256.Sum256(s.leaf.Raw)
	data := append([]byte("tls-server-end-point:"), hash[:]...)
	bindings := binary.LittleEndian.AppendUint32(make([]byte, 16), uint32(len(data)))
	sum := md5.Sum(append(bindings, data...))
	return sum[:]
}

func part(m []byte, at int) []byte {
	size, from := int(binary.LittleEndian.Uint16(m[at:])), int(binary.LittleEndian.Uint32(m[at+4:]))
	if from > len(m) || from+size > len(m) {
		return nil
	}
	return m[from : from+size]
}

func mac(key []byte, data ...[]byte) []byte {
	h := hmac.New(md5.New, key)
	for _, d := range data {
		h.Write(d)
	}
	return h.Sum(nil)
}

func utf16le(s string) []byte {
	var out []byte
	for _, u := range utf16.Encode([]rune(s)) {
		out = binary.LittleEndian.AppendUint16(out, u)
	}
	return out
}

func fromUTF16(b []byte) string {
	var units []uint16
	for ; len(b) >= 2; b = b[2:] {
		units = append(units, binary.LittleEndian.Uint16(b))
	}
	return string(utf16.Decode(units))
}
