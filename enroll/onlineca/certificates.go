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

// readCertificates reads what a CA sends, by its bytes. The content type is of no
// help: Web Enrollment sends certificates as text/html to a browser that it does
// not know, and EST servers differ about the encoding. A page is errPage.
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

// leafOf finds the certificate that was asked for among those that came: the
// one for the key; without a key, or when none is for it, the one that issued
// none of the others. A wrong one is better handed to the caller's checks,
// which say what is wrong with it, than dropped here.
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

// chainOf puts the issuers of a certificate in order, the nearest first. What
// is not linked to it is left out.
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

// parentOf finds the issuer of a certificate: better the one that could have
// signed it than one whose key fits, and that than one of its name.
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

// issued says whether a CA signed a certificate with the certificate that is
// given. One that was renewed has several of one name, and of one key too if it
// kept it; but no CA signs beyond its own end.
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

// unusableCertificate is what came for a request in an answer that cannot be used, by
// the error of readCertificates: that with the request's key, or else the first. It
// is nil when none came.
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
