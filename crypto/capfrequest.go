package crypto

import (
	"bytes"
	stdcrypto "crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"

	"capf/internal/serialnumber"
)

// Request builds the PKCS#10 request with which a company CA is asked to sign
// the CAPF certificate: its subject, its key and the extensions that a CAPF
// certificate must have: critical basicConstraints CA:TRUE pathlen:0, critical
// keyUsage digitalSignature and keyCertSign, and the EKU of LSCs. Verifiers
// apply an issuer's EKU to what it issues (CheckIssuerPurposes). The vendor's
// CAPF certificate has one without clientAuth, which would make LSCs useless
// for 802.1X.
func (a *Authority) Request() ([]byte, error) {
	constraints, err := asn1.Marshal(struct {
		CA      bool
		PathLen int
	}{true, 0})
	if err != nil {
		return nil, fmt.Errorf("encoding basicConstraints: %w", err)
	}
	// digitalSignature is bit 0, keyCertSign bit 5 (RFC 5280 section 4.2.1.3).
	usage, err := asn1.Marshal(asn1.BitString{Bytes: []byte{0x80 | 0x04}, BitLength: 6})
	if err != nil {
		return nil, fmt.Errorf("encoding keyUsage: %w", err)
	}
	purposes, err := purposesExtension()
	if err != nil {
		return nil, fmt.Errorf("encoding extendedKeyUsage: %w", err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
		RawSubject: a.Leaf().RawSubject,
		ExtraExtensions: []pkix.Extension{
			{Id: basicConstraintsOID, Critical: true, Value: constraints},
			{Id: asn1.ObjectIdentifier{2, 5, 29, 15}, Critical: true, Value: usage},
			purposes,
		},
		SignatureAlgorithm: x509.SHA256WithRSA,
	}, a.Key)
	if err != nil {
		return nil, fmt.Errorf("making a certificate request for %q: %w", nameOf(a.Leaf()), err)
	}
	return der, nil
}

// ChainFor puts the certificates that a CA returned into the order that
// LoadAuthority needs: the one with the public key first, then each one's
// issuer. CAs send them in any order. It refuses, with ErrUnsuitable and the
// reason, a file in which no certificate has the key, several have it, or one
// does not belong to the chain.
func ChainFor(certs []*x509.Certificate, key stdcrypto.PublicKey) ([]*x509.Certificate, error) {
	var chain, rest []*x509.Certificate
	for _, c := range certs {
		switch {
		case !SameKey(c.PublicKey, key):
			rest = append(rest, c)
		case len(chain) == 0:
			chain = append(chain, c)
		case !chain[0].Equal(c):
			return nil, unsuitable("two of the certificates hold the CAPF key, with the serial numbers %s and %s", serialnumber.Text(chain[0].SerialNumber), serialnumber.Text(c.SerialNumber))
		}
	}
	if len(chain) == 0 {
		return nil, unsuitable("none of the certificates matches the CAPF private key; the first is that of %q", nameOf(certs[0]))
	}
	for len(rest) > 0 {
		last := chain[len(chain)-1]
		i := issuerAmong(rest, last)
		if i < 0 {
			return nil, unsuitable("%q does not belong to the chain: %q was issued by %q", nameOf(rest[0]), nameOf(last), last.Issuer)
		}
		if !chain[len(chain)-1].Equal(rest[i]) {
			chain = append(chain, rest[i])
		}
		rest = append(rest[:i:i], rest[i+1:]...)
	}
	return chain, nil
}

// issuerAmong returns the index of the issuer of child, or of another copy
// of child; -1 when certs holds neither.
func issuerAmong(certs []*x509.Certificate, child *x509.Certificate) int {
	named := -1
	for i, c := range certs {
		if c.Equal(child) {
			return i
		}
		if !bytes.Equal(c.RawSubject, child.RawIssuer) || bytes.Equal(child.RawSubject, child.RawIssuer) {
			continue
		}
		if signedBy(child, c) == nil {
			return i
		}
		named = i // the name is right; LoadAuthority says what is wrong with it
	}
	return named
}
