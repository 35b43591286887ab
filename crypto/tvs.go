package crypto

import (
	stdcrypto "crypto"
	"crypto/x509"
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
// key may be used to agree on session keys, as old phones do by RSA. The certificate ends
// five years from now.
func NewTVS(random io.Reader, name Name, now time.Time) (*x509.Certificate, stdcrypto.Signer, error) {
	c, key, err := selfSigned(random, "TVS", name, tvsBits, now, x509.Certificate{
		NotAfter:    now.UTC().Truncate(time.Second).AddDate(tvsYears, 0, 0),
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	if err != nil {
		return nil, nil, err // not a nil key in an interface
	}
	return c, key, nil
}
