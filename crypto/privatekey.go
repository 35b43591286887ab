package crypto

import (
	stdcrypto "crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"

	"capf/internal/apperr"
)

// MarshalPrivateKey returns the PKCS#8 DER of a key that GenerateKey or
// ParsePrivateKey returned. The caller seals it or writes it to a file of mode 0600.
func MarshalPrivateKey(key stdcrypto.Signer) ([]byte, error) {
	var plain any = key
	if weak, ok := key.(weakRSAKey); ok {
		plain = weak.key
	}
	der, err := x509.MarshalPKCS8PrivateKey(plain)
	if err != nil {
		return nil, fmt.Errorf("encoding a private key: %w", err)
	}
	return der, nil
}

// ParsePrivateKey reads the PKCS#8 DER of a key of a known kind.
func ParsePrivateKey(der []byte) (stdcrypto.Signer, error) {
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("reading a private key: %w", err)
	}
	switch key := key.(type) {
	case *rsa.PrivateKey:
		if _, err := rsaKind(&key.PublicKey); err != nil {
			return nil, fmt.Errorf("reading a private key: %w", err)
		}
		if key.N.BitLen() < goMinRSABits {
			return weakRSAKey{key}, nil
		}
		return key, nil
	case *ecdsa.PrivateKey:
		if _, err := kindOf(&key.PublicKey); err != nil {
			return nil, fmt.Errorf("reading a private key: %w", err)
		}
		return key, nil
	}
	return nil, errors.New("reading a private key: neither RSA nor EC")
}

// PrivateKeyPEM returns the key as one PEM block, PKCS#8 and not encrypted.
func PrivateKeyPEM(key stdcrypto.Signer) ([]byte, error) {
	der, err := MarshalPrivateKey(key)
	if err != nil {
		return nil, err
	}
	defer clear(der)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// ParsePrivateKeyPEM reads the first PEM block, which must be an unencrypted key: PKCS#8, or
// as OpenSSL wrote it before.
func ParsePrivateKeyPEM(data []byte) (stdcrypto.Signer, error) {
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, errors.New("reading a private key: no PEM block")
	}
	defer clear(block.Bytes)
	der, err := pkcs8(block)
	if err != nil {
		return nil, fmt.Errorf("reading a private key: %w", err)
	}
	defer clear(der)
	return ParsePrivateKey(der)
}

// pkcs8 returns the DER of a key in any form that a PEM block says it has.
func pkcs8(block *pem.Block) ([]byte, error) {
	var key any
	var err error
	switch {
	case block.Headers["DEK-Info"] != "" || block.Type == "ENCRYPTED PRIVATE KEY":
		return nil, apperr.WithHint(errors.New("it is encrypted"), "openssl pkey -in FILE -out PLAIN writes it without a password")
	case block.Type == "PRIVATE KEY":
		return slices.Clone(block.Bytes), nil
	case block.Type == "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case block.Type == "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	default:
		return nil, fmt.Errorf("a PEM block %q, not %q", block.Type, "PRIVATE KEY")
	}
	if err != nil {
		return nil, err
	}
	return x509.MarshalPKCS8PrivateKey(key)
}

// MarshalPublicKey returns the DER SubjectPublicKeyInfo, as a phone sends it.
func MarshalPublicKey(pub stdcrypto.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return nil, fmt.Errorf("encoding a public key: %w", err)
	}
	return der, nil
}

// SameKey reports whether two public keys are one.
func SameKey(a, b stdcrypto.PublicKey) bool {
	own, ok := a.(interface {
		Equal(stdcrypto.PublicKey) bool
	})
	return ok && own.Equal(b)
}
