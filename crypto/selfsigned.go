package crypto

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"io"
	"time"
)

// selfSigned makes an RSA key and a certificate for it that is its own issuer. Its common
// name is the word, a hyphen and eight random digits. The validity begins an hour ago, for
// phones with slow clocks; its end, and what the key is for, are those of the template.
func selfSigned(random io.Reader, word string, name Name, keyBits int, now time.Time, template x509.Certificate) (*x509.Certificate, *rsa.PrivateKey, error) {
	attributes, err := name.attributes()
	if err != nil {
		return nil, nil, fmt.Errorf("naming the %s certificate: %w", word, err)
	}
	var tag [4]byte
	if _, err := io.ReadFull(random, tag[:]); err != nil {
		return nil, nil, fmt.Errorf("naming the %s certificate: %w", word, err)
	}
	cn, err := commonName.encode(word + "-" + hex.EncodeToString(tag[:]))
	if err != nil {
		return nil, nil, err
	}
	if template.RawSubject, err = marshalName(append(attributes, cn)); err != nil {
		return nil, nil, err
	}
	key, err := rsa.GenerateKey(random, keyBits)
	if err != nil {
		return nil, nil, fmt.Errorf("generating the %s key: %w", word, err)
	}
	c, err := signItself(random, key, now.UTC().Truncate(time.Second), template)
	if err != nil {
		return nil, nil, fmt.Errorf("signing the %s certificate: %w", word, err)
	}
	return c, key, nil
}

func signItself(random io.Reader, key *rsa.PrivateKey, now time.Time, template x509.Certificate) (*x509.Certificate, error) {
	spki, err := MarshalPublicKey(&key.PublicKey)
	if err != nil {
		return nil, err
	}
	if template.SerialNumber, err = newSerial(random); err != nil {
		return nil, err
	}
	if template.SubjectKeyId, err = keyIdentifier(spki); err != nil {
		return nil, err
	}
	template.AuthorityKeyId = template.SubjectKeyId // optional when self-signed (RFC 5280), but some checkers ask for it
	template.NotBefore, template.BasicConstraintsValid, template.SignatureAlgorithm = now.Add(-clockAllowance), true, x509.SHA256WithRSA
	der, err := x509.CreateCertificate(random, &template, &template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}
