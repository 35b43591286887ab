package crypto

import (
	stdcrypto "crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"io"
	"time"
)

// tvsYears is the validity of a TVS certificate.
const tvsYears = 5

// tvsBits is the size of a TVS key: phones handle RSA keys up to 2048 bits.
const tvsBits = 2048

// NewTVS makes a key and the self-signed certificate of a TVS server, whose name says
// TVS- and eight random digits. The certificate has no host name: phones know the
// server by the certificate itself, which stands in their list. Besides signatures the
// key may be used to agree on session keys, as old phones do by RSA. The
// validity begins an hour ago, for phones with slow clocks, and ends five years from
// now.
func NewTVS(random io.Reader, name Name, now time.Time) (*x509.Certificate, stdcrypto.Signer, error) {
	attributes, err := name.attributes()
	if err != nil {
		return nil, nil, fmt.Errorf("naming the TVS certificate: %w", err)
	}
	var tag [4]byte
	if _, err := io.ReadFull(random, tag[:]); err != nil {
		return nil, nil, fmt.Errorf("naming the TVS certificate: %w", err)
	}
	cn, err := commonName.encode("TVS-" + hex.EncodeToString(tag[:]))
	if err != nil {
		return nil, nil, err
	}
	subject, err := marshalName(append(attributes, cn))
	if err != nil {
		return nil, nil, err
	}
	key, err := rsa.GenerateKey(random, tvsBits)
	if err != nil {
		return nil, nil, fmt.Errorf("generating the TVS key: %w", err)
	}
	cert, err := signTVS(random, subject, key, now.UTC().Truncate(time.Second))
	if err != nil {
		return nil, nil, fmt.Errorf("signing the TVS certificate: %w", err)
	}
	return cert, key, nil
}

func signTVS(random io.Reader, subject []byte, key *rsa.PrivateKey, now time.Time) (*x509.Certificate, error) {
	serial, err := newSerial(random)
	if err != nil {
		return nil, err
	}
	spki, err := MarshalPublicKey(&key.PublicKey)
	if err != nil {
		return nil, err
	}
	keyID, err := keyIdentifier(spki)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          serial,
		RawSubject:            subject,
		NotBefore:             now.Add(-clockAllowance),
		NotAfter:              now.AddDate(tvsYears, 0, 0),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		SubjectKeyId:          keyID,
		AuthorityKeyId:        keyID,
		SignatureAlgorithm:    x509.SHA256WithRSA,
	}
	der, err := x509.CreateCertificate(random, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}
