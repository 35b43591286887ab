package crypto

import (
	stdcrypto "crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"math/big"
)

// Go does not sign or verify with RSA keys below 1024 bits, and the oldest phones
// have 512-bit keys. This file does for those, with plain big integers, what
// crypto/rsa does for larger ones. Nothing here runs in constant time: such a key
// protects nothing that timing could reveal.

// goMinRSABits is the smallest modulus that crypto/rsa signs and verifies with.
const goMinRSABits = 1024

// weakRSAKey is a private key below goMinRSABits that signs.
type weakRSAKey struct{ key *rsa.PrivateKey }

// Public returns the *rsa.PublicKey.
func (w weakRSAKey) Public() stdcrypto.PublicKey { return &w.key.PublicKey }

// Sign makes a PKCS#1 v1.5 signature over a digest: with DigestInfo, or over the
// bare digest when opts has no hash. PSS is refused.
func (w weakRSAKey) Sign(_ io.Reader, digest []byte, opts stdcrypto.SignerOpts) ([]byte, error) {
	if _, pss := opts.(*rsa.PSSOptions); pss {
		return nil, errors.New("signing with a weak RSA key: PSS is not supported")
	}
	block, err := pkcs1Block(w.key.Size(), opts.HashFunc(), digest)
	if err != nil {
		return nil, err
	}
	s := new(big.Int).Exp(new(big.Int).SetBytes(block), w.key.D, w.key.N)
	return s.FillBytes(block), nil
}

// generateWeakRSA makes a key with two primes and the exponent 65537.
func generateWeakRSA(random io.Reader, bits int) (stdcrypto.Signer, error) {
	const e = 65537
	one := big.NewInt(1)
	for {
		p, err := rand.Prime(random, bits/2)
		if err != nil {
			return nil, fmt.Errorf("generating a weak RSA key: %w", err)
		}
		q, err := rand.Prime(random, bits-bits/2)
		if err != nil {
			return nil, fmt.Errorf("generating a weak RSA key: %w", err)
		}
		n := new(big.Int).Mul(p, q)
		phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
		d := new(big.Int).ModInverse(big.NewInt(e), phi)
		if p.Cmp(q) == 0 || d == nil || n.BitLen() != bits {
			continue
		}
		key := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: n, E: e}, D: d, Primes: []*big.Int{p, q}}
		key.Precompute()
		if err := key.Validate(); err != nil {
			return nil, fmt.Errorf("generating a weak RSA key: %w", err)
		}
		return weakRSAKey{key}, nil
	}
}

// verifyWeakRSA verifies a PKCS#1 v1.5 signature. It compares the whole
// padded block, as crypto/rsa does.
func verifyWeakRSA(pub *rsa.PublicKey, hash stdcrypto.Hash, digest, sig []byte) error {
	want, err := pkcs1Block(pub.Size(), hash, digest)
	if err != nil {
		return err
	}
	s := new(big.Int).SetBytes(sig)
	if len(sig) != pub.Size() || s.Cmp(pub.N) >= 0 {
		return rsa.ErrVerification
	}
	got := s.Exp(s, big.NewInt(int64(pub.E)), pub.N).FillBytes(make([]byte, pub.Size()))
	if subtle.ConstantTimeCompare(got, want) != 1 {
		return rsa.ErrVerification
	}
	return nil
}

// pkcs1Block builds the type-1 block of RFC 8017 section 9.2: 00 01 FF… 00, then the
// digest, with its DigestInfo unless hash is 0.
func pkcs1Block(size int, hash stdcrypto.Hash, digest []byte) ([]byte, error) {
	prefix, err := digestInfo(hash)
	if err != nil {
		return nil, err
	}
	const least = 11 // 00 01, eight FF, 00
	if len(prefix)+len(digest)+least > size {
		return nil, fmt.Errorf("a digest of %d bytes does not fit an RSA key of %d bits", len(digest), 8*size)
	}
	block := make([]byte, size)
	tail := size - len(prefix) - len(digest)
	block[1] = 1
	for i := 2; i < tail-1; i++ {
		block[i] = 0xff
	}
	copy(block[tail:], prefix)
	copy(block[tail+len(prefix):], digest)
	return block, nil
}

// digestInfo returns what precedes a digest in a signature (RFC 8017 section 9.2, note 1).
func digestInfo(hash stdcrypto.Hash) ([]byte, error) {
	switch hash {
	case 0:
		return nil, nil
	case stdcrypto.SHA1:
		return []byte{0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14}, nil
	case stdcrypto.SHA256:
		return []byte{0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20}, nil
	}
	return nil, fmt.Errorf("signing with a weak RSA key: the hash %s is not supported", hash)
}
