package onlineca

import (
	"bytes"
	"cmp"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"

	"capf/crypto/certfile"
)

var (
	errPage          = errors.New("a page, not a certificate")
	errNoCertificate = errors.New("no certificate")
)

// readCertificates reads what a CA sends, going by its bytes. The content type
// does not help: Web Enrollment sends certificates as text/html to an unknown
// browser, and EST servers differ about the encoding. An HTML page is errPage.
func readCertificates(body []byte) ([]*x509.Certificate, error) {
	certs, err := certfile.Parse(body)
	switch {
	case errors.Is(err, certfile.ErrPage):
		return nil, errPage
	case err != nil:
		return nil, fmt.Errorf("%w: %w", errNoCertificate, err)
	}
	return certs, nil
}

// leafOf finds the requested certificate among those that the CA sent: the one
// for the key or, without a key or a match, the one that issued none of the
// others. A wrong one is returned all the same: the caller's checks say what is
// wrong with it.
func leafOf(all []*x509.Certificate, key crypto.PublicKey) *x509.Certificate {
	for _, c := range all {
		if own, ok := c.PublicKey.(interface{ Equal(crypto.PublicKey) bool }); ok && key != nil && own.Equal(key) {
			return c
		}
	}
	for _, c := range all {
		if !issuedAnother(c, all) {
			return c
		}
	}
	return all[0]
}

func issuedAnother(c *x509.Certificate, all []*x509.Certificate) bool {
	for _, other := range all {
		if other != c && !other.Equal(c) && bytes.Equal(other.RawIssuer, c.RawSubject) {
			return true
		}
	}
	return false
}

// chainOf puts the issuers of a certificate in order, the nearest first. Others are
// left out.
func chainOf(leaf *x509.Certificate, all []*x509.Certificate) [][]byte {
	var chain [][]byte
	used := map[*x509.Certificate]bool{}
	for child := leaf; !bytes.Equal(child.RawIssuer, child.RawSubject); {
		parent := parentOf(child, all, used)
		if parent == nil {
			break
		}
		used[parent] = true
		chain = append(chain, parent.Raw)
		child = parent
	}
	return chain
}

// parentOf finds the issuer of a certificate. It prefers one that can have signed
// it, then one whose key fits, then one with the right name.
func parentOf(child *x509.Certificate, all []*x509.Certificate, used map[*x509.Certificate]bool) *x509.Certificate {
	var byKey, byName *x509.Certificate
	for _, c := range all {
		switch {
		case used[c] || c.Equal(child) || !bytes.Equal(c.RawSubject, child.RawIssuer):
		case issued(c, child):
			return c
		case byKey == nil && child.CheckSignatureFrom(c) == nil:
			byKey = c
		case byName == nil:
			byName = c
		}
	}
	return cmp.Or(byKey, byName)
}

// issued reports whether a CA signed the child when ca was its certificate. A
// renewed CA has several certificates of one name, and of one key if it kept that,
// but no CA issues beyond its own end.
func issued(ca, child *x509.Certificate) bool {
	return !child.NotAfter.After(ca.NotAfter) && child.CheckSignatureFrom(ca) == nil
}

func rawOf(all []*x509.Certificate) [][]byte {
	raw := make([][]byte, len(all))
	for i, c := range all {
		raw[i] = c.Raw
	}
	return raw
}

// unusableCertificate returns the certificate in an answer that readCertificates
// could not read: the one with the request's key, otherwise the first. It is nil
// when the error is not about certificates.
func unusableCertificate(err error, csr *x509.CertificateRequest) []byte {
	var unreadable *certfile.UnreadableError
	if !errors.As(err, &unreadable) {
		return nil
	}
	for _, der := range unreadable.Certificates {
		if csr != nil && bytes.Contains(der, csr.RawSubjectPublicKeyInfo) {
			return der
		}
	}
	return unreadable.Certificates[0]
}
