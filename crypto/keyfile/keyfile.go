// Package keyfile reads and writes files with a private key and its certificate: PKCS#12,
// as the vendor exports its keys, and PEM. It must not know what the key is for.
package keyfile

import (
	"bytes"
	stdcrypto "crypto"
	"crypto/x509"
	"errors"
	"fmt"
)

// Pair is a private key with its certificate.
type Pair struct {
	Certificate *x509.Certificate
	Key         stdcrypto.Signer
}

// ErrPassword says that a file does not open with the password.
var ErrPassword = errors.New("the password is wrong")

// Read reads one private key and the certificate that belongs to it; other certificates
// are passed over. The password is asked for only if the file needs one. The error is
// ErrPassword when it is wrong.
func Read(data []byte, password func() (string, error)) (Pair, error) {
	if bytes.Contains(data, []byte("-----BEGIN ")) {
		return readPEM(data)
	}
	return readPKCS12(data, password)
}

// pair finds the certificate of a key.
func pair(key any, certificates []*x509.Certificate) (Pair, error) {
	signer, ok := key.(stdcrypto.Signer)
	if !ok {
		return Pair{}, fmt.Errorf("its private key, %T, cannot sign", key)
	}
	if len(certificates) == 0 {
		return Pair{}, errors.New("it has a private key, but no certificate")
	}
	public, ok := signer.Public().(interface {
		Equal(stdcrypto.PublicKey) bool
	})
	for _, c := range certificates {
		if ok && public.Equal(c.PublicKey) {
			return Pair{c, signer}, nil
		}
	}
	if len(certificates) == 1 {
		return Pair{}, fmt.Errorf("its private key is not that of its certificate %q", certificates[0].Subject)
	}
	return Pair{}, fmt.Errorf("its private key is that of none of its %d certificates", len(certificates))
}
