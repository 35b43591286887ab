package enroll

import (
	stdcrypto "crypto"
	"crypto/x509"

	"capf/crypto"
)

// CertificateKind is what a phone says that a certificate is.
type CertificateKind string

// The kinds of certificate that a phone has.
const (
	KindLSC CertificateKind = "lsc"
	KindMIC CertificateKind = "mic"
)

// Signature is a signature and the hash that it is over.
type Signature struct {
	Hash  stdcrypto.Hash
	Value []byte
}

// Proof is a certificate with signatures that prove possession of its key.
type Proof struct {
	Kind        CertificateKind
	Certificate []byte // DER
	Text        []byte // what was signed
	Signatures  []Signature
}

// Claim is what a phone sends to authenticate.
type Claim struct {
	Device   string
	Address  string
	Network  string // where wrong strings are counted together: the IPv4 address or the IPv6 network
	Version  int    // 2 or 3
	Accepted bool   // false when the phone reports a failure of its own
	Password []byte // nil or empty: null string
	Existing *Proof // By Existing Certificate
	SUDI     *Proof // the phone's factory identity; its text covers the session id
}

// check checks that the phone has the key of the certificate that it sent.
// Whose certificate it is, is checked afterwards.
func (p Proof) check() (*x509.Certificate, *SessionError) {
	cert, err := x509.ParseCertificate(p.Certificate)
	if err != nil {
		return nil, p.Kind.decline("not a certificate")
	}
	if len(p.Signatures) == 0 {
		return nil, p.Kind.decline("the phone did not sign")
	}
	for _, s := range p.Signatures {
		if err := crypto.VerifyBare(cert, s.Hash, p.Text, s.Value); err != nil {
			return nil, p.Kind.decline("the %v signature does not verify", s.Hash)
		}
	}
	return cert, nil
}
