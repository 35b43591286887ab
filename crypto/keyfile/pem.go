package keyfile

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"capf/internal/apperr"
)

// readPEM reads the blocks of a private key and of certificates, in any order.
func readPEM(data []byte) (Pair, error) {
	var key any
	var certificates []*x509.Certificate
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			break
		}
		switch {
		case block.Type == "CERTIFICATE" || block.Type == "TRUSTED CERTIFICATE" || block.Type == "X509 CERTIFICATE":
			c, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return Pair{}, fmt.Errorf("reading a certificate in it: %w", err)
			}
			certificates = append(certificates, c)
		case strings.HasSuffix(block.Type, "PRIVATE KEY"):
			one, err := readKey(block)
			clear(block.Bytes)
			if err != nil {
				return Pair{}, err
			}
			if key != nil {
				return Pair{}, errors.New("it has more than one private key")
			}
			key = one
		}
	}
	if key == nil {
		return Pair{}, errors.New("it has no private key")
	}
	return pair(key, certificates)
}

// readKey reads the forms in which openssl writes keys.
func readKey(block *pem.Block) (key any, err error) {
	if block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "" {
		return nil, apperr.WithHint(errors.New("its private key is encrypted, which is read in PKCS#12 only"),
			"openssl pkcs12 -export -in FILE -out FILE.p12 makes such a file of it")
	}
	switch block.Type {
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	default:
		err = fmt.Errorf("a PEM block %q is not known", block.Type)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the private key in it: %w", err)
	}
	return key, nil
}

// PEM returns the certificate and the key, which is not encrypted, as PEM blocks.
func (p Pair) PEM() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(p.Key)
	if err != nil {
		return nil, fmt.Errorf("encoding a private key: %w", err)
	}
	defer clear(der)
	return append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.Certificate.Raw}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})...), nil
}
