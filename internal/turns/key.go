package turns

import (
	"crypto"
	"errors"
	"io"
	"net/netip"
	"time"
)

// Key is the private key for the handshake of one connection, which waits for its turn
// before each use, until the deadline or until gone is closed.
func (l *Limiter) Key(key crypto.Signer, from netip.Prefix, gone <-chan struct{}, deadline time.Time) crypto.Signer {
	return limitedKey{key, l, func() error { return l.Acquire(from, gone, deadline) }}
}

type limitedKey struct {
	crypto.Signer
	limiter *Limiter
	acquire func() error
}

func (k limitedKey) Sign(random io.Reader, digest []byte, o crypto.SignerOpts) ([]byte, error) {
	if err := k.acquire(); err != nil {
		return nil, err
	}
	defer k.limiter.Release()
	return k.Signer.Sign(random, digest, o)
}

// Decrypt serves the RSA key exchange of old phones.
func (k limitedKey) Decrypt(random io.Reader, message []byte, o crypto.DecrypterOpts) ([]byte, error) {
	key, ok := k.Signer.(crypto.Decrypter)
	if !ok {
		return nil, errors.New("the key cannot decrypt")
	}
	if err := k.acquire(); err != nil {
		return nil, err
	}
	defer k.limiter.Release()
	return key.Decrypt(random, message, o)
}
