package server

import (
	stdcrypto "crypto"
	"crypto/tls"
	"errors"
	"io"

	"capf/crypto"
)

// tlsConfig returns TLS as phones expect it: with a server certificate but
// without client authentication, since the phone authenticates inside the
// session.
func tlsConfig(a *crypto.Authority, lowest uint16) *tls.Config {
	c := &tls.Config{
		GetConfigForClient: noteOffer,
		GetCertificate:     certificate(a.TLS()),
		MinVersion:         lowest,
		// Phones do not resume sessions, so tickets would only cost time.
		SessionTicketsDisabled: true,
		// Go would split the first writes into records of one packet each, and a
		// frame that arrives in pieces makes a phone's client stall.
		DynamicRecordSizingDisabled: true,
	}
	if lowest < tls.VersionTLS12 {
		c.CipherSuites = oldSuites()
	}
	return c
}

// oldSuites returns Go's own choice followed by the suites that old phones
// need. Go disables RSA key exchange unless it is named here.
func oldSuites() []uint16 {
	var list []uint16
	for _, s := range tls.CipherSuites() {
		list = append(list, s.ID)
	}
	return append(list,
		tls.TLS_RSA_WITH_AES_128_CBC_SHA, // 7940, 7960, 7941 to 7975 and 894x, on TLS 1.0
		tls.TLS_RSA_WITH_AES_256_CBC_SHA, // 7942 and 7962 with late firmware
	)
}

// certificate returns the CAPF certificate with a key for which the
// handshakes take turns.
func certificate(capf tls.Certificate) func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	key := capf.PrivateKey.(stdcrypto.Signer)
	return func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		one := capf
		one.PrivateKey = limitedKey{key, hello.Conn.(helloReader).connection}
		return &one, nil
	}
}

// limitedKey is the CAPF key for the handshake of one connection, which
// waits for its turn.
type limitedKey struct {
	stdcrypto.Signer
	connection *connection
}

func (k limitedKey) Sign(random io.Reader, digest []byte, o stdcrypto.SignerOpts) ([]byte, error) {
	if err := k.acquire(); err != nil {
		return nil, err
	}
	defer k.connection.handshakes.release()
	return k.Signer.Sign(random, digest, o)
}

// Decrypt serves the RSA key exchange of old phones.
func (k limitedKey) Decrypt(random io.Reader, message []byte, o stdcrypto.DecrypterOpts) ([]byte, error) {
	key, ok := k.Signer.(stdcrypto.Decrypter)
	if !ok {
		return nil, errors.New("the CAPF key cannot decrypt")
	}
	if err := k.acquire(); err != nil {
		return nil, err
	}
	defer k.connection.handshakes.release()
	return key.Decrypt(random, message, o)
}

func (k limitedKey) acquire() error {
	c := k.connection
	return c.handshakes.acquire(c.network, c.gone, c.handshakeDeadline())
}
