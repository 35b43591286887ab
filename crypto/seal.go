package crypto

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"io"
)

const (
	masterKeySize = 32 // AES-256
	sealVersion   = 1
)

// Sealer encrypts the secrets in the database under the master key, and
// authenticates unencrypted data under a key derived from it. It is safe for
// concurrent use.
type Sealer struct {
	aead cipher.AEAD
	auth []byte // the key that Authenticate uses
}

// authInfo names the derived key, in the words of RFC 5869.
const authInfo = "capf authenticator 1"

// newSealer wipes the key that it is given; only the cipher's key schedule and
// the derived key remain.
func newSealer(key []byte) (*Sealer, error) {
	defer clear(key)
	auth, err := hkdf.Key(sha256.New, key, nil, authInfo, sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("deriving from the master key: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("preparing the master key: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("preparing the master key: %w", err)
	}
	return &Sealer{aead, auth}, nil
}

// Seal encrypts and authenticates plaintext with AES-256-GCM. The label says what the
// secret is ("CAPF key 3"): it is not stored, and Open needs the same one, so that a
// sealed secret cannot be put in another's place. The result is a version byte, a
// random nonce of 12 bytes, the ciphertext and a tag of 16 bytes. The same key should
// seal fewer than 2^32 secrets.
func (s *Sealer) Seal(label string, plaintext []byte) ([]byte, error) {
	return s.aead.Seal([]byte{sealVersion}, nil, plaintext, additionalData(label)), nil
}

// SealedSize returns how many bytes Seal makes of a plaintext of that many
// bytes.
func SealedSize(plaintext int) int { return 1 + 12 + plaintext + 16 }

// Open returns what Seal encrypted under this label. The error is ErrWrongKey when
// the key or the label is another, or the bytes were changed. Bytes that Seal cannot
// have written are another error.
func (s *Sealer) Open(label string, sealed []byte) ([]byte, error) {
	if len(sealed) < 1+s.aead.Overhead() {
		return nil, fmt.Errorf("opening the sealed %s: %d bytes are too few", label, len(sealed))
	}
	if sealed[0] != sealVersion {
		return nil, fmt.Errorf("opening the sealed %s: format %d is not known", label, sealed[0])
	}
	plaintext, err := s.aead.Open(nil, nil, sealed[1:], additionalData(label))
	if err != nil {
		return nil, fmt.Errorf("opening the sealed %s: %w", label, ErrWrongKey)
	}
	return plaintext, nil
}

// MAC returns an HMAC-SHA256 of the message, 32 bytes, which only a holder of the
// master key can make. The label says what it is for, as in Seal, and holds no NUL.
func (s *Sealer) MAC(label string, message []byte) []byte {
	h := hmac.New(sha256.New, s.auth)
	io.WriteString(h, label+"\x00")
	h.Write(message)
	return h.Sum(nil)
}

// VerifyMAC reports, in constant time, whether mac is the MAC of the message under
// this label.
func (s *Sealer) VerifyMAC(label string, message, mac []byte) bool {
	return hmac.Equal(mac, s.MAC(label, message))
}

// additionalData binds a secret to the format's version and to its label.
func additionalData(label string) []byte { return append([]byte{sealVersion}, label...) }
