package trustlist

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"slices"
)

// maxRSA is the longest RSA key in bits that phones handle; minRSA is the shortest one
// that Go's library works with.
const (
	maxRSA = 2048
	minRSA = 1024
)

// Fit refuses a certificate that phones could not use in that role, with the reason.
func Fit(cert *x509.Certificate, role Role) error {
	if err := checkSerial(cert); err != nil {
		return err
	}
	if role == RoleSAST {
		return CheckSigner(cert.PublicKey)
	}
	switch key := cert.PublicKey.(type) {
	case *rsa.PublicKey:
		if key.N.BitLen() > maxRSA {
			return fmt.Errorf("phones handle RSA keys up to %d bits, and that of this certificate has %d", maxRSA, key.N.BitLen())
		}
	case *ecdsa.PublicKey:
		if !slices.Contains([]elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()}, key.Curve) {
			return fmt.Errorf("phones know the curves P-256, P-384 and P-521, and not %s", key.Curve.Params().Name)
		}
	default:
		return fmt.Errorf("phones know RSA and EC keys, and this is an %s key", keyKind(key))
	}
	return nil
}

// checkSerial refuses what the unsigned number of a list cannot say.
func checkSerial(cert *x509.Certificate) error {
	if cert.SerialNumber.Sign() <= 0 {
		return fmt.Errorf("its serial number is %s, and lists have only those above 0", cert.SerialNumber)
	}
	return nil
}

func keyKind(public crypto.PublicKey) string {
	switch public.(type) {
	case *rsa.PublicKey:
		return "RSA"
	case *ecdsa.PublicKey:
		return "EC"
	case ed25519.PublicKey:
		return "Ed25519"
	}
	return "unknown"
}
