package crypto

import (
	"bytes"
	stdcrypto "crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// KeyKind is the type and size of a phone's key, such as "rsa-2048" or "ec-384".
type KeyKind string

// The keys that CAPF knows (behaviour.md, Values). 512 and 1024 bits are for old
// phones; whether they are allowed is the caller's policy.
const (
	RSA512  KeyKind = "rsa-512"
	RSA1024 KeyKind = "rsa-1024"
	RSA2048 KeyKind = "rsa-2048"
	RSA3072 KeyKind = "rsa-3072"
	RSA4096 KeyKind = "rsa-4096"
	EC256   KeyKind = "ec-256"
	EC384   KeyKind = "ec-384"
	EC521   KeyKind = "ec-521"
)

// RSA returns the kind of an RSA key with a modulus of that many bits. Known says
// whether CAPF knows it.
func RSA(bits int) KeyKind { return KeyKind("rsa-" + strconv.Itoa(bits)) }

// EC returns the kind of a key on the NIST prime curve of that many bits. Known
// says whether CAPF knows it.
func EC(bits int) KeyKind { return KeyKind("ec-" + strconv.Itoa(bits)) }

// Kinds returns every kind that CAPF knows, RSA first, small before large.
func Kinds() []KeyKind {
	return []KeyKind{RSA512, RSA1024, RSA2048, RSA3072, RSA4096, EC256, EC384, EC521}
}

// Known reports whether k is one of Kinds.
func (k KeyKind) Known() bool { return slices.Contains(Kinds(), k) }

// IsRSA reports whether k is a kind of RSA key.
func (k KeyKind) IsRSA() bool { return strings.HasPrefix(string(k), "rsa-") }

// IsEC reports whether k is a kind of elliptic-curve key.
func (k KeyKind) IsEC() bool { return strings.HasPrefix(string(k), "ec-") }

// Bits returns the size of the modulus or of the curve in bits, 0 for an unknown
// kind.
func (k KeyKind) Bits() int {
	if !k.Known() {
		return 0
	}
	_, size, _ := strings.Cut(string(k), "-")
	bits, _ := strconv.Atoi(size)
	return bits
}

// curve returns the curve of an EC kind, nil for any other.
func (k KeyKind) curve() elliptic.Curve {
	switch k {
	case EC256:
		return elliptic.P256()
	case EC384:
		return elliptic.P384()
	case EC521:
		return elliptic.P521()
	}
	return nil
}

// ParsePublicKey reads the DER SubjectPublicKeyInfo that a phone sends and returns
// the key (*rsa.PublicKey or *ecdsa.PublicKey) with its kind. It refuses anything
// but exactly one key of a known kind: trailing bytes, an encoding that is not DER
// (the key's hash must equal the hash of the key in the certificate), other
// algorithms and sizes, an even modulus, an RSA exponent that is even or below 3,
// and points off the curve. The error says what was found.
func ParsePublicKey(spki []byte) (pub any, kind KeyKind, err error) {
	pub, err = x509.ParsePKIXPublicKey(spki)
	if err != nil {
		return nil, "", fmt.Errorf("reading a public key: %w", err)
	}
	kind, err = kindOf(pub)
	if err != nil {
		return nil, "", err
	}
	canonical, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return nil, "", fmt.Errorf("reading a public key: %w", err)
	}
	if !bytes.Equal(canonical, spki) {
		return nil, "", fmt.Errorf("reading a public key: %d bytes are not its DER form of %d bytes", len(spki), len(canonical))
	}
	return pub, kind, nil
}

// kindOf returns the kind of a public key and refuses a kind that CAPF does
// not know.
func kindOf(pub any) (KeyKind, error) {
	switch pub := pub.(type) {
	case *rsa.PublicKey:
		return rsaKind(pub)
	case *ecdsa.PublicKey:
		if kind := EC(pub.Curve.Params().BitSize); kind.Known() {
			return kind, nil
		}
		return "", fmt.Errorf("an EC key on the curve %s: only P-256, P-384 and P-521 are known", pub.Curve.Params().Name)
	}
	return "", fmt.Errorf("%s key: only RSA and EC keys are known", algorithmOf(pub))
}

func rsaKind(pub *rsa.PublicKey) (KeyKind, error) {
	kind := RSA(pub.N.BitLen())
	switch {
	case !kind.Known():
		return "", fmt.Errorf("an RSA key of %d bits: only 512, 1024, 2048, 3072 and 4096 are known", pub.N.BitLen())
	case pub.N.Bit(0) == 0:
		return "", fmt.Errorf("an RSA key of %d bits with an even modulus", pub.N.BitLen())
	case pub.E < 3 || pub.E%2 == 0 || pub.E > math.MaxInt32:
		// Up to 31 bits, which is what Go's verification accepts.
		return "", fmt.Errorf("an RSA key with the exponent %d: it must be odd, at least 3 and below 2^31", pub.E)
	}
	return kind, nil
}

// algorithmOf names the algorithm of a key that is neither RSA nor EC, with its
// indefinite article.
func algorithmOf(pub any) string {
	name := strings.TrimPrefix(fmt.Sprintf("%T", pub), "*")
	algorithm, _, _ := strings.Cut(name, ".")
	switch algorithm {
	case "ed25519":
		return "an Ed25519"
	case "ecdh":
		return "an X25519"
	case "dsa":
		return "a DSA"
	}
	return "an unknown"
}

// KeyHash returns the SHA-256 of a DER SubjectPublicKeyInfo, which matches a
// certificate with the request for the same key.
func KeyHash(spki []byte) [32]byte { return sha256.Sum256(spki) }

// GenerateKey makes a key of that kind, for phones in tests and for `capf phone`.
// Only 512-bit RSA keys use random: Go draws the randomness of all others from the
// system.
func GenerateKey(random io.Reader, kind KeyKind) (stdcrypto.Signer, error) {
	switch {
	case !kind.Known():
		return nil, fmt.Errorf("generating a key: %q is no known kind", string(kind))
	case kind == RSA512:
		return generateWeakRSA(random, kind.Bits())
	case kind.IsRSA():
		return rsa.GenerateKey(random, kind.Bits())
	}
	return ecdsa.GenerateKey(kind.curve(), random)
}
