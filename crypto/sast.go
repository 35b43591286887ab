package crypto

import (
	stdcrypto "crypto"
	"crypto/x509"
	"io"
	"time"
)

// sastBits is the size of a SAST key: phones take signatures by RSA keys up to 2048 bits.
const sastBits = 2048

// sastYears is the validity of a SAST certificate. Phones that have it in their list
// cannot easily be given another, so it lasts longer than the phones.
const sastYears = 20

// utcTimeEnd is the last moment that a certificate can name with two digits of the year
// (RFC 5280, 4.1.2.5). Old phones may not know the other form.
var utcTimeEnd = time.Date(2049, 12, 31, 23, 59, 59, 0, time.UTC)

// NewSAST makes a key that signs trust lists, and its self-signed certificate, whose
// name says SAST- and eight random digits. The key may sign, and nothing else: it issues
// no certificates.
func NewSAST(random io.Reader, name Name, now time.Time) (*x509.Certificate, stdcrypto.Signer, error) {
	end := now.UTC().Truncate(time.Second).AddDate(sastYears, 0, 0)
	if end.After(utcTimeEnd) && now.Before(utcTimeEnd.AddDate(-1, 0, 0)) {
		end = utcTimeEnd
	}
	c, key, err := selfSigned(random, "SAST", name, sastBits, now, x509.Certificate{NotAfter: end, KeyUsage: x509.KeyUsageDigitalSignature})
	if err != nil {
		return nil, nil, err // not a nil key in an interface
	}
	return c, key, nil
}
