// Package tls10 makes one record of each frame that a TLS server sends over TLS 1.0 with
// a CBC suite. crypto/tls makes two, the first byte and the rest, against an attack on
// browsers (BEAST), and has no switch for it; old phones stall on a frame in pieces. A
// fork that has one was weighed, and not taken (docs/security.md).
//
// Everything that comes from the network stays with crypto/tls: hellos, certificates,
// keys, what the phone encrypts, alerts. This package only opens the records that
// crypto/tls has made, below it, and seals them anew, joined. When its keys do not open
// the first one, it does nothing. It must not know what is in them.
package tls10

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/tls"
	"encoding/hex"
	"hash"
	"slices"
)

// Handshake watches the handshake of a TLS server for what the keys of its records are
// made from. It is for one goroutine.
type Handshake struct {
	secret       []byte // the master secret
	clientRandom []byte
	serverRandom []byte
	suite        uint16
	finished     []byte // the record with the server's Finished, the first one that is encrypted
}

// Only reports whether the client speaks no newer version than TLS 1.0.
func Only(hello *tls.ClientHelloInfo) bool {
	return len(hello.SupportedVersions) > 0 && slices.Max(hello.SupportedVersions) == tls.VersionTLS10
}

// Watched returns the configuration for a client that Only is true for.
func (h *Handshake) Watched(config *tls.Config) *tls.Config {
	config = config.Clone()
	config.KeyLogWriter = keyLog{h}
	return config
}

// keyLog takes the line of crypto/tls about a handshake: CLIENT_RANDOM, the random and
// the master secret, both in hexadecimal. It stays in memory.
type keyLog struct{ handshake *Handshake }

func (k keyLog) Write(line []byte) (int, error) {
	if parts := bytes.Fields(line); len(parts) == 3 && string(parts[0]) == "CLIENT_RANDOM" {
		k.handshake.clientRandom, _ = hex.AppendDecode(nil, parts[1])
		k.handshake.secret, _ = hex.AppendDecode(nil, parts[2])
	}
	return len(line), nil
}

const (
	recordHeader    = 5
	applicationData = 23
	handshakeRecord = 22
	serverHello     = 2
	macSize         = sha1.Size
)

// Sent is told each flight that the server sends: the first begins with the ServerHello,
// the last ends with the Finished.
func (h *Handshake) Sent(flight []byte) {
	const random, session = recordHeader + 4 + 2, recordHeader + 4 + 2 + 32 // where they begin
	if h.serverRandom == nil && len(flight) > session && flight[0] == handshakeRecord && flight[recordHeader] == serverHello {
		h.serverRandom = bytes.Clone(flight[random:session])
		if suite := session + 1 + int(flight[session]); len(flight) > suite+1 {
			h.suite = uint16(flight[suite])<<8 | uint16(flight[suite+1])
		}
	}
	h.finished = nil
	for len(flight) > 0 {
		record, rest, ok := cut(flight)
		if !ok {
			return
		}
		if len(rest) == 0 {
			h.finished = bytes.Clone(record)
		}
		flight = rest
	}
}

// cut takes the first record of b.
func cut(b []byte) (record, rest []byte, ok bool) {
	if len(b) < recordHeader {
		return nil, nil, false
	}
	n := recordHeader + int(b[3])<<8 + int(b[4])
	if len(b) < n {
		return nil, nil, false
	}
	return b[:n], b[n:], true
}

// keyBytes is how long the AES key of a suite with CBC and SHA-1 is; 0 for others.
func keyBytes(suite uint16) int {
	switch suite {
	case tls.TLS_RSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA:
		return 16
	case tls.TLS_RSA_WITH_AES_256_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA, tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA:
		return 32
	}
	return 0
}

// Joiner returns the joiner for what the server sends after the handshake; nil when the
// connection is of another kind. What the handshake has kept is forgotten.
func (h *Handshake) Joiner() *Joiner {
	defer func() { *h = Handshake{} }()
	n := keyBytes(h.suite)
	if n == 0 || h.secret == nil || h.serverRandom == nil || len(h.finished) < recordHeader+aes.BlockSize {
		return nil
	}
	// RFC 2246, section 6.3: the client's and the server's MAC keys, keys and IVs.
	block := keyBlock(h.secret, h.serverRandom, h.clientRandom, 2*(macSize+n+aes.BlockSize))
	macKey := block[macSize : 2*macSize]
	key := block[2*macSize+n : 2*macSize+2*n]
	iv := block[2*macSize+2*n+aes.BlockSize:]
	theirs, err := aes.NewCipher(key)
	if err != nil {
		return nil
	}
	j := &Joiner{mac: hmac.New(sha1.New, macKey), theirs: cipher.NewCBCDecrypter(theirs, iv),
		ours: cipher.NewCBCEncrypter(theirs, h.finished[len(h.finished)-aes.BlockSize:])}
	if _, err := j.open(h.finished); err != nil {
		return nil
	}
	j.sealed = 1 // the Finished has gone out as it was
	return j
}

// keyBlock makes so many bytes of keys (RFC 2246, sections 5 and 6.3).
func keyBlock(secret, serverRandom, clientRandom []byte, n int) []byte {
	seed := slices.Concat([]byte("key expansion"), serverRandom, clientRandom)
	half := (len(secret) + 1) / 2
	block, other := expand(md5.New, secret[:half], seed, n), expand(sha1.New, secret[len(secret)-half:], seed, n)
	for i := range block {
		block[i] ^= other[i]
	}
	return block
}

// expand is P_hash of RFC 2246, section 5.
func expand(hash func() hash.Hash, secret, seed []byte, n int) []byte {
	h := hmac.New(hash, secret)
	sum := func(parts ...[]byte) []byte {
		h.Reset()
		for _, p := range parts {
			h.Write(p)
		}
		return h.Sum(nil)
	}
	var out []byte
	for a := sum(seed); len(out) < n; a = sum(a) {
		out = append(out, sum(a, seed)...)
	}
	return out[:n]
}
