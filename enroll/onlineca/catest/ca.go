// Package catest runs CAs on loopback for tests and demonstrations: a
// Microsoft Web Enrollment site and an EST server. They sign with a key that
// is made at the start and forgotten at the end, and can misbehave in every
// way that a client must survive. Nothing else may import it: it refuses
// little and hides nothing.
//
// It is written against the documents, not against package onlineca, so that
// an error in one does not hide in the other.
package catest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"sync"
	"time"
)

// Options shape the certificates of a CA. The zero value is a root and an
// issuing CA with RSA keys of 2048 bits.
type Options struct {
	Name string // of the issuing CA: "Test Issuing CA"
	EC   bool   // P-256 keys, which are made faster
	Now  func() time.Time

	// Shape may change a certificate before it is signed.
	Shape func(template *x509.Certificate)
	// OtherKey puts a key into it that is not the request's.
	OtherKey bool
}

// CA is a throw-away CA of two levels. It is safe for concurrent use.
type CA struct {
	options Options
	root    *x509.Certificate
	rootKey crypto.Signer

	mu      sync.Mutex // guards the rest
	issuing *x509.Certificate
	key     crypto.Signer
	made    [][]byte
}

// NewCA makes the keys and the certificates of a CA.
func NewCA(o Options) (*CA, error) {
	if o.Name == "" {
		o.Name = "Test Issuing CA"
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	ca := &CA{options: o}
	var err error
	if ca.rootKey, err = o.newKey(); err != nil {
		return nil, err
	}
	root := ca.template("Test Root CA", 20*365)
	root.IsCA, root.BasicConstraintsValid, root.KeyUsage = true, true, x509.KeyUsageCertSign|x509.KeyUsageCRLSign
	if ca.root, err = sign(root, root, ca.rootKey.Public(), ca.rootKey); err != nil {
		return nil, err
	}
	return ca, ca.Renew(true, 10*365)
}

// Renew gives the issuing CA a new certificate, with a new key or with the one
// that it has.
func (ca *CA) Renew(newKey bool, days int) (err error) {
	ca.mu.Lock()
	defer ca.mu.Unlock()
	if newKey {
		if ca.key, err = ca.options.newKey(); err != nil {
			return err
		}
	}
	issuing := ca.template(ca.options.Name, days)
	issuing.IsCA, issuing.BasicConstraintsValid, issuing.KeyUsage = true, true, x509.KeyUsageCertSign|x509.KeyUsageCRLSign
	ca.issuing, err = sign(issuing, ca.root, ca.key.Public(), ca.rootKey)
	return err
}

// signer is the issuing CA as it is now.
func (ca *CA) signer() (*x509.Certificate, crypto.Signer) {
	ca.mu.Lock()
	defer ca.mu.Unlock()
	return ca.issuing, ca.key
}

func (o Options) newKey() (crypto.Signer, error) {
	if o.EC {
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	return rsa.GenerateKey(rand.Reader, 2048)
}

func (ca *CA) template(name string, days int) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)) // crypto/rand does not fail
	now := ca.options.Now()
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.AddDate(0, 0, days),
	}
}

func sign(template, parent *x509.Certificate, public crypto.PublicKey, key crypto.Signer) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, key)
	if err != nil {
		return nil, fmt.Errorf("signing %q: %w", template.Subject.CommonName, err)
	}
	return x509.ParseCertificate(der)
}

// Root is the certificate at the top, the one to trust.
func (ca *CA) Root() *x509.Certificate { return ca.root }

// Issuing is the certificate that signs what is asked for.
func (ca *CA) Issuing() *x509.Certificate {
	issuing, _ := ca.signer()
	return issuing
}

// PEM is the root and the issuing certificate as a file.
func (ca *CA) PEM() []byte {
	out := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.root.Raw})
	return append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Issuing().Raw})...)
}

// Made is every certificate that was made for a request, in DER.
func (ca *CA) Made() [][]byte {
	ca.mu.Lock()
	defer ca.mu.Unlock()
	return append([][]byte(nil), ca.made...)
}

// Issue makes a certificate for a request: its subject and names, and the key
// usages of a phone's certificate.
func (ca *CA) Issue(csr *x509.CertificateRequest) ([]byte, error) {
	t := ca.template("", 2*365)
	t.Subject, t.RawSubject = pkix.Name{}, csr.RawSubject
	t.DNSNames = csr.DNSNames
	t.KeyUsage = x509.KeyUsageDigitalSignature
	if _, ok := csr.PublicKey.(*rsa.PublicKey); ok {
		t.KeyUsage |= x509.KeyUsageKeyEncipherment
	} else {
		t.KeyUsage |= x509.KeyUsageKeyAgreement
	}
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageIPSECEndSystem}
	t.BasicConstraintsValid = true
	if ca.options.Shape != nil {
		ca.options.Shape(t)
	}
	public := csr.PublicKey
	if ca.options.OtherKey {
		other, err := ca.options.newKey()
		if err != nil {
			return nil, err
		}
		public = other.Public()
	}
	issuing, by := ca.signer()
	c, err := sign(t, issuing, public, by)
	if err != nil {
		return nil, err
	}
	ca.mu.Lock()
	defer ca.mu.Unlock()
	ca.made = append(ca.made, c.Raw)
	return c.Raw, nil
}

// Server makes the HTTPS certificate of a server, for the names and addresses
// given; shape may spoil it. The issuing CA is sent along.
func (ca *CA) Server(names []string, shape func(*x509.Certificate)) (tls.Certificate, error) {
	key, err := Options{EC: true}.newKey()
	if err != nil {
		return tls.Certificate{}, err
	}
	t := ca.template("", 365)
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, name)
		}
	}
	t.KeyUsage, t.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	if shape != nil {
		shape(t)
	}
	issuing, by := ca.signer()
	c, err := sign(t, issuing, key.Public(), by)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{c.Raw, issuing.Raw}, PrivateKey: key, Leaf: c}, nil
}

// Client makes a TLS client certificate.
func (ca *CA) Client(name string) (tls.Certificate, error) {
	return ca.Server(nil, func(t *x509.Certificate) {
		t.Subject.CommonName = name
		t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	})
}
