package crypto

import (
	"bytes"
	stdcrypto "crypto"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"time"
)

// capfYears is the validity of a CAPF certificate that we make ourselves.
const capfYears = 5

// Authority is the CAPF certificate with its key: it is the listener's TLS identity and
// signs LSCs. Make one with NewCAPF or LoadAuthority; it is safe for concurrent use.
type Authority struct {
	Chain []*x509.Certificate // Chain[0] is the CAPF certificate, each next one issued the one before
	Key   stdcrypto.Signer

	// keyID is the key identifier by which LSCs name their issuer when its certificate
	// has none: a company CA may leave it out. Package x509 uses the certificate's own
	// when there is one.
	keyID []byte
}

// NewCAPF makes a key and the self-signed CAPF certificate (behaviour.md, The CAPF
// certificate). keyBits is 2048, 3072 or 4096. The validity begins an hour ago, for
// phones with slow clocks, and ends five years from now. A name that may not stand in
// a certificate is refused before a key is made.
func NewCAPF(random io.Reader, name Name, keyBits int, now time.Time) (*Authority, error) {
	if keyBits != 2048 && keyBits != 3072 && keyBits != 4096 {
		return nil, fmt.Errorf("a CAPF key of %d bits: 2048, 3072 or 4096 are allowed", keyBits)
	}
	c, key, err := selfSigned(random, "CAPF", name, keyBits, now, x509.Certificate{
		NotAfter: now.UTC().Truncate(time.Second).AddDate(capfYears, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		IsCA:     true, MaxPathLenZero: true,
	})
	if err != nil {
		return nil, err
	}
	return LoadAuthority([][]byte{c.Raw}, key, now)
}

// LoadAuthority puts a CAPF certificate, the certificates above it (in order; the root
// may be left out) and the key together. It refuses, with ErrUnsuitable and the reason, a
// certificate without critical basicConstraints CA:TRUE pathlen:0 or without keyUsage
// digitalSignature and keyCertSign, a key that is not the certificate's, not RSA or
// smaller than Go's TLS takes (1024 bits), a certificate that is not valid now
// (ErrExpired too when it is over), and a chain out of order or badly signed.
func LoadAuthority(chainDER [][]byte, key stdcrypto.Signer, now time.Time) (*Authority, error) {
	if len(chainDER) == 0 {
		return nil, unsuitable("CAPF certificate: there is none")
	}
	a := &Authority{Key: key}
	for i, der := range chainDER {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, unsuitable("CAPF certificate: certificate %d of the chain: %v", i+1, err)
		}
		a.Chain = append(a.Chain, cert)
	}
	for _, check := range []func() error{
		func() error { return checkCAPFExtensions(a.Leaf()) },
		func() error { return checkCAPFKey(a.Leaf(), key) },
		func() error { return checkCAPFChain(a.Chain, now) },
	} {
		if err := check(); err != nil {
			return nil, fmt.Errorf("CAPF certificate %q: %w", a.Leaf().Subject.CommonName, err)
		}
	}
	var err error
	if a.keyID, err = keyIdentifier(a.Leaf().RawSubjectPublicKeyInfo); err != nil {
		return nil, err
	}
	return a, nil
}

// Leaf returns the CAPF certificate.
func (a *Authority) Leaf() *x509.Certificate { return a.Chain[0] }

// TLS returns the listener's certificate with its chain.
func (a *Authority) TLS() tls.Certificate {
	c := tls.Certificate{PrivateKey: a.Key, Leaf: a.Leaf()}
	for _, cert := range a.Chain {
		c.Certificate = append(c.Certificate, cert.Raw)
	}
	return c
}

func checkCAPFExtensions(cert *x509.Certificate) error {
	const usage = x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign
	switch {
	case !cert.BasicConstraintsValid:
		return unsuitable("no basicConstraints: CA:TRUE, pathlen:0 is needed")
	case !cert.IsCA:
		return unsuitable("basicConstraints CA:FALSE: CA:TRUE, pathlen:0 is needed")
	case !isCritical(cert, basicConstraintsOID):
		return unsuitable("basicConstraints is not critical")
	case cert.MaxPathLen < 0:
		return unsuitable("basicConstraints without a path length: pathlen:0 is needed")
	case cert.MaxPathLen > 0:
		return unsuitable("basicConstraints with pathlen:%d: pathlen:0 is needed", cert.MaxPathLen)
	case cert.KeyUsage == 0:
		return unsuitable("no keyUsage: digitalSignature and keyCertSign are needed")
	case cert.KeyUsage&usage != usage:
		return unsuitable("keyUsage without %s", missingUsages(cert.KeyUsage, usage))
	}
	return nil
}

func checkCAPFKey(cert *x509.Certificate, key stdcrypto.Signer) error {
	pub, ok := cert.PublicKey.(*rsa.PublicKey)
	switch {
	case !ok:
		return unsuitable("its key is %s, the listener's must be RSA", cert.PublicKeyAlgorithm)
	case pub.N.BitLen() < goMinRSABits:
		return unsuitable("an RSA key of %d bits is too small for TLS", pub.N.BitLen())
	case key == nil:
		return unsuitable("there is no private key")
	case !pub.Equal(key.Public()):
		return unsuitable("it does not match the private key")
	}
	return nil
}

func checkCAPFChain(chain []*x509.Certificate, now time.Time) error {
	for i, cert := range chain {
		if err := validAt(cert, now); err != nil {
			if i == 0 {
				return err
			}
			return fmt.Errorf("%q above it: %w", nameOf(cert), err)
		}
		if i+1 == len(chain) {
			break
		}
		above := chain[i+1]
		if !bytes.Equal(cert.RawIssuer, above.RawSubject) {
			return unsuitable("chain out of order: %q was issued by %q, the next certificate is %q",
				nameOf(cert), cert.Issuer, above.Subject)
		}
		// The CAPF certificate issues LSCs, so it counts as one of the intermediates.
		if err := mayIssue(above, i+1, false); err != nil {
			return unsuitable("chain: %v", err)
		}
		if err := signedBy(cert, above); err != nil {
			return unsuitable("chain: %v", err)
		}
	}
	last := chain[len(chain)-1]
	if bytes.Equal(last.RawIssuer, last.RawSubject) {
		if err := signedBy(last, last); err != nil {
			return unsuitable("chain: %v", err)
		}
	}
	return nil
}
