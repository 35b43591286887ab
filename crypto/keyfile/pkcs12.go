package keyfile

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"software.sslmate.com/src/go-pkcs12"
)

// rounds is how often a password is hashed before it becomes a key, which slows down
// whoever guesses it.
const rounds = 100_000

// readPKCS12 tries the empty password first, with which some programs write.
func readPKCS12(data []byte, password func() (string, error)) (Pair, error) {
	key, leaf, others, err := pkcs12.DecodeChain(data, "")
	if wrongPassword(err) {
		word, perr := password()
		if perr != nil {
			return Pair{}, perr
		}
		key, leaf, others, err = pkcs12.DecodeChain(data, word)
	}
	switch {
	case wrongPassword(err):
		return Pair{}, ErrPassword
	case err != nil:
		return Pair{}, fmt.Errorf("it is neither PEM nor a PKCS#12 file with one private key: %s", strings.TrimPrefix(err.Error(), "pkcs12: "))
	}
	return pair(key, append(others[:len(others):len(others)], leaf))
}

// wrongPassword knows the errors of a password that is wrong. Without a MAC there is none
// that tells the empty password from another.
func wrongPassword(err error) bool {
	return errors.Is(err, pkcs12.ErrIncorrectPassword) || errors.Is(err, pkcs12.ErrDecryption) || err != nil && err.Error() == "pkcs12: no MAC in data"
}

// PKCS12 returns the pair as a PKCS#12 file, encrypted with AES-256; with legacy with
// 3DES, for programs that do not know that, such as OpenSSL before 1.1.
func (p Pair) PKCS12(random io.Reader, password string, legacy bool) ([]byte, error) {
	e := pkcs12.Modern2023
	if legacy {
		e = pkcs12.LegacyDES
	}
	data, err := e.WithIterations(rounds).WithRand(random).Encode(p.Key, p.Certificate, nil, password)
	if err != nil {
		return nil, fmt.Errorf("making a PKCS#12 file: %s", strings.TrimPrefix(err.Error(), "pkcs12: "))
	}
	return data, nil
}
