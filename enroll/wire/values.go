package wire

import (
	"crypto"
	"fmt"
)

// Reason says how a step or a session ended. Values other than these four
// exist, but their meaning is not known.
type Reason byte

const (
	ReasonNoAction      Reason = 0 // nothing is scheduled for the device
	ReasonSuccess       Reason = 1 // phones also send it in AUTH_RESPONSE
	ReasonDeclined      Reason = 7 // wrong authentication, a malformed request; to a version-2 client, nothing scheduled
	ReasonUnknownDevice Reason = 9
)

// String returns the reason in words, or "reason n".
func (r Reason) String() string {
	return name(r, "reason %d", []string{
		ReasonNoAction: "no action", ReasonSuccess: "success", ReasonDeclined: "declined", ReasonUnknownDevice: "unknown device",
	})
}

// CertificateType tells the two certificates of a phone apart.
type CertificateType byte

const (
	TypeLSC CertificateType = 1 // locally significant: issued through CAPF
	TypeMIC CertificateType = 2 // installed by the manufacturer
)

// String is LSC, MIC or "certificate type n".
func (t CertificateType) String() string {
	return name(t, "certificate type %d", []string{TypeLSC: "LSC", TypeMIC: "MIC"})
}

// AuthType is how a phone is to prove who it is.
type AuthType byte

const (
	AuthNone       AuthType = 0 // captured servers send it, whatever the mode
	AuthString     AuthType = 1
	AuthNullString AuthType = 2
	AuthLSC        AuthType = 3
	AuthMIC        AuthType = 4
)

// KeyType is the kind of key a phone is asked for.
type KeyType byte

const (
	RSA KeyType = 0
	EC  KeyType = 1
)

// String is RSA, EC or "key type n".
func (t KeyType) String() string {
	return name(t, "key type %d", []string{RSA: "RSA", EC: "EC"})
}

// Curve is the curve of an EC key.
type Curve byte

const (
	P256 Curve = 0
	P384 Curve = 1
	P521 Curve = 2
)

// String is P-256, P-384, P-521 or "curve n".
func (c Curve) String() string {
	return name(c, "curve %d", []string{P256: "P-256", P384: "P-384", P521: "P-521"})
}

// DigestType is the hash that a signature covers.
type DigestType byte

const (
	SHA1   DigestType = 1
	SHA256 DigestType = 2
	SHA512 DigestType = 3
)

// String is SHA-1, SHA-256, SHA-512 or "digest type n".
func (d DigestType) String() string {
	return name(d, "digest type %d", []string{SHA1: "SHA-1", SHA256: "SHA-256", SHA512: "SHA-512"})
}

// Hash returns the hash of the type, 0 for an unknown type.
func (d DigestType) Hash() crypto.Hash {
	switch d {
	case SHA1:
		return crypto.SHA1
	case SHA256:
		return crypto.SHA256
	case SHA512:
		return crypto.SHA512
	}
	return 0
}

// name returns the name of v, or v formatted with otherwise when it has none.
func name[T ~byte](v T, otherwise string, names []string) string {
	if int(v) < len(names) && names[v] != "" {
		return names[v]
	}
	return fmt.Sprintf(otherwise, byte(v))
}
