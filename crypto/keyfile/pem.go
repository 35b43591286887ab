package keyfile

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"capf/internal/apperr"
)

// ReadSeparate reads a certificate, PEM or DER, and its private key from another file,
// PEM. Certificates that the latter has are passed over.
func ReadSeparate(certificate, key []byte) (Pair, error) {
	_, certificates, err := blocks(certificate)
	if err != nil {
		return Pair{}, err
	}
	if len(certificates) == 0 {
		one, err := x509.ParseCertificate(certificate)
		if err != nil {
			return Pair{}, errors.New("it has no certificate")
		}
		certificates = append(certificates, one)
	}
	private, _, err := blocks(key)
	if err != nil {
		return Pair{}, err
	}
	if private == nil {
		return Pair{}, errors.New("there is no private key in the file for it")
	}
	return pair(private, certificates)
}

func readPEM(data []byte) (Pair, error) {
	key, certificates, err := blocks(data)
	if err != nil {
		return Pair{}, err
	}
	if key == nil {
		return Pair{}, errors.New("it has no private key")
	}
	return pair(key, certificates)
}

// blocks reads those of a private key and of certificates, in any order. Without one, the
// key is nil.
func blocks(data []byte) (key any, certificates []*x509.Certificate, err error) {
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			break
		}
		switch {
		case block.Type == "CERTIFICATE" || block.Type == "TRUSTED CERTIFICATE" || block.Type == "X509 CERTIFICATE":
			c, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return nil, nil, fmt.Errorf("reading a certificate in it: %w", err)
			}
			certificates = append(certificates, c)
		case strings.HasSuffix(block.Type, "PRIVATE KEY"):
			one, err := readKey(block)
			clear(block.Bytes)
			if err != nil {
				return nil, nil, err
			}
			if key != nil {
				return nil, nil, errors.New("it has more than one private key")
			}
			key = one
		}
	}
	return key, certificates, nil
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
