package onlineca

import (
	"bytes"
	"cmp"
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/smallstep/pkcs7"
)

// maxCertificates is more than any chain has.
const maxCertificates = 64

var (
	errPage          = errors.New("a page, not a certificate")
	errNoCertificate = errors.New("no certificate")
)

// certificates reads what a CA sends, by its bytes: PEM, DER or bare base64 of
// a certificate or a PKCS#7 bag. The content type is of no help: Web
// Enrollment sends certificates as text/html to a browser that it does not
// know, and EST servers differ about the encoding. A page is errPage.
func certificates(body []byte) ([]*x509.Certificate, error) {
	if len(body) > 0 && body[0] == 0x30 && !looksLikeText(body) {
		return fromDER(body) // not trimmed: a signature may end in what looks like a blank
	}
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")))
	switch {
	case len(body) == 0:
		return nil, errNoCertificate
	case body[0] == '<':
		return nil, errPage
	case bytes.HasPrefix(body, []byte("-----BEGIN ")):
		return fromPEM(body)
	}
	der, err := fromBase64(body)
	if err != nil {
		return nil, fmt.Errorf("%w: neither PEM, DER nor base64", errNoCertificate)
	}
	return fromDER(der)
}

// looksLikeText tells DER from a text that begins with the digit zero, which
// is the same byte: the second byte of anything we want is a long length.
func looksLikeText(body []byte) bool { return len(body) > 1 && body[1] < 0x80 }

// fromBase64 takes what RFC 8951 allows and what servers send: lines broken
// anywhere or not at all, blanks, padding left out.
func fromBase64(text []byte) ([]byte, error) {
	packed := bytes.Join(bytes.Fields(text), nil)
	packed = bytes.TrimRight(packed, "=")
	der := make([]byte, base64.RawStdEncoding.DecodedLen(len(packed)))
	n, err := base64.RawStdEncoding.Decode(der, packed)
	return der[:n], err
}

func fromPEM(text []byte) ([]*x509.Certificate, error) {
	var all []*x509.Certificate
	for {
		var block *pem.Block
		block, text = pem.Decode(text)
		if block == nil {
			break
		}
		// Microsoft labels a PKCS#7 bag CERTIFICATE, so the label decides nothing.
		some, err := fromDER(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("reading PEM block %q: %w", block.Type, err)
		}
		all = append(all, some...)
		if len(all) > maxCertificates {
			return nil, fmt.Errorf("more than %d certificates", maxCertificates)
		}
	}
	if len(all) == 0 {
		return nil, errNoCertificate
	}
	return all, nil
}

func fromDER(der []byte) ([]*x509.Certificate, error) {
	one, err := x509.ParseCertificate(der)
	if err == nil {
		return []*x509.Certificate{one}, nil
	}
	some, bagErr := bag(der)
	if bagErr == nil {
		return some, nil
	}
	if odd := oddCertificates(der); len(odd) > 0 {
		return nil, &oddError{odd, err}
	}
	return nil, fmt.Errorf("%w: not a certificate (%v), not a bag of them (%w)", errNoCertificate, err, bagErr)
}

// bag reads the certificates of a PKCS#7 message, in BER or DER. Its signature,
// when it has one, is of no interest: every certificate has its own.
func bag(ber []byte) ([]*x509.Certificate, error) {
	der, _, err := Definite(ber)
	if err != nil {
		return nil, err
	}
	message, err := pkcs7.Parse(der)
	if err != nil {
		return nil, fmt.Errorf("reading PKCS#7: %w", err)
	}
	switch n := len(message.Certificates); {
	case n == 0:
		return nil, fmt.Errorf("%w in the PKCS#7 message", errNoCertificate)
	case n > maxCertificates:
		return nil, fmt.Errorf("%d certificates in a PKCS#7 message", n)
	}
	return message.Certificates, nil
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
