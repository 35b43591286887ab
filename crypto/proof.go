package crypto

import (
	stdcrypto "crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha1" // for stdcrypto.Hash.New
	_ "crypto/sha256"
	_ "crypto/sha512"
	"crypto/x509"
	"fmt"
	"regexp"
	"strings"
)

// VerifyBare verifies what a phone signs with the key of an existing certificate
// (protocol.md, Authentication modes): for RSA the PKCS#1 v1.5 type-1 block around the
// bare hash, without DigestInfo, compared as a whole; for EC an ASN.1 ECDSA signature.
// hash is SHA-1, SHA-256 or SHA-512. A signature that does not verify is ErrBadSignature.
func VerifyBare(cert *x509.Certificate, hash stdcrypto.Hash, text, sig []byte) error {
	digest, err := digestOf(hash, text)
	if err != nil {
		return err
	}
	switch pub := cert.PublicKey.(type) {
	case *rsa.PublicKey:
		if _, err := rsaKind(pub); err != nil {
			return fmt.Errorf("verifying a signature: %w", err)
		}
		if pub.N.BitLen() < goMinRSABits {
			err = verifyWeakRSA(pub, 0, digest, sig)
		} else {
			err = rsa.VerifyPKCS1v15(pub, 0, digest, sig)
		}
		if err != nil {
			return fmt.Errorf("%w over %s with the RSA key of %q", ErrBadSignature, hash, nameOf(cert))
		}
		return nil
	case *ecdsa.PublicKey:
		if !ecdsa.VerifyASN1(pub, digest, sig) {
			return fmt.Errorf("%w over %s with the EC key of %q", ErrBadSignature, hash, nameOf(cert))
		}
		return nil
	}
	return fmt.Errorf("verifying a signature: %s key: only RSA and EC keys are known", algorithmOf(cert.PublicKey))
}

// SignBare is the phone's side of VerifyBare. A 512-bit RSA key cannot hold a SHA-512
// digest; that is an error.
func SignBare(key stdcrypto.Signer, hash stdcrypto.Hash, text []byte) ([]byte, error) {
	digest, err := digestOf(hash, text)
	if err != nil {
		return nil, err
	}
	opts := hash
	if _, ok := key.Public().(*rsa.PublicKey); ok {
		opts = 0 // no DigestInfo
	}
	sig, err := key.Sign(rand.Reader, digest, opts)
	if err != nil {
		return nil, fmt.Errorf("signing over %s: %w", hash, err)
	}
	return sig, nil
}

func digestOf(hash stdcrypto.Hash, text []byte) ([]byte, error) {
	switch hash {
	case stdcrypto.SHA1, stdcrypto.SHA256, stdcrypto.SHA512:
		h := hash.New()
		h.Write(text)
		return h.Sum(nil), nil
	}
	return nil, fmt.Errorf("the hash %s is not one that phones sign over", hash)
}

// vendorLSCName is the form of the names in the LSCs of the vendor's own CAPF, which
// takes them from the MIC.
var vendorLSCName = regexp.MustCompile(`^(?i)CP-[A-Z0-9]+-(SEP[0-9A-F]{12})$`)

// NamesLSC reports whether a certificate that is in no record of ours can be an LSC of
// the device: its one common name is the device's name or, in the vendor's LSCs, CP-,
// the model and the name of a hardware phone. It is strict, since the operator of
// another CAPF may name certificates freely.
func NamesLSC(cert *x509.Certificate, device string) bool {
	if !BelongsTo(cert, device) {
		return false
	}
	name := cert.Subject.CommonName
	if sameName(name, device) {
		return true
	}
	m := vendorLSCName.FindStringSubmatch(name)
	return m != nil && strings.EqualFold(m[1], device)
}

// BelongsTo reports whether a certificate speaks for a device: its one common name is
// the device's name, or ends in a hyphen and that name, as a MIC's does
// (CP-8861-SEP001122334455). Case does not matter, as in device names. A certificate
// with several common names belongs to no device.
func BelongsTo(cert *x509.Certificate, device string) bool {
	cn := cert.Subject.CommonName
	if commonNames(cert) != 1 || device == "" {
		return false
	}
	at := len(cn) - len(device)
	return sameName(cn, device) || at > 0 && cn[at-1] == '-' && sameName(cn[at:], device)
}

// sameName compares names ignoring the case of ASCII letters only. Unicode folds
// other letters too, such as the Kelvin sign to a K.
func sameName(a, b string) bool {
	return len(a) == len(b) && strings.EqualFold(a, b)
}
