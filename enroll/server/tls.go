package server

import (
	stdcrypto "crypto"
	"crypto/tls"
	"errors"
	"io"
	"net"

	"capf/crypto"
)

// tlsConfig is TLS as phones know it: a server certificate and nothing asked of
// the phone, which proves itself inside the session.
func tlsConfig(a *crypto.Authority, lowest uint16) *tls.Config {
	c := &tls.Config{
		GetCertificate: certificate(a.TLS()),
		MinVersion:     lowest,
		// Phones do not resume; tickets would only cost.
		SessionTicketsDisabled: true,
		// Go would cut the first writes into records of a packet each, and a
		// frame that arrives in pieces makes a phone's client stall.
		DynamicRecordSizingDisabled: true,
	}
	if lowest < tls.VersionTLS12 {
		c.CipherSuites = oldSuites()
	}
	return c
}

// oldSuites are Go's own choice and, after it, what old phones need. Go
// disables RSA key exchange unless it is named here.
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

// line is the connection of a session, by which TLS tells us whose handshake
// wants the certificate.
type line struct {
	*net.TCPConn
	session *session
}

// helloMost is what a phone may send until TLS stands: Go would keep 64 KiB of a
// ClientHello that never ends, for each of thousands of connections.
const helloMost = 8 << 10

func (l line) Read(b []byte) (int, error) {
	s := l.session
	if s.secure {
		return l.TCPConn.Read(b)
	}
	if s.heard >= helloMost {
		return 0, errLongHello
	}
	n, err := l.TCPConn.Read(b[:min(len(b), helloMost-s.heard)])
	s.heard += n
	return n, err
}

var errLongHello = errors.New("the handshake is too long")

// certificate is the CAPF certificate with a key that waits for its turn.
func certificate(capf tls.Certificate) func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	key := capf.PrivateKey.(stdcrypto.Signer)
	return func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		one := capf
		one.PrivateKey = turnKey{key, hello.Conn.(line).session}
		return &one, nil
	}
}

// turnKey is the CAPF key as the handshake of a session uses it.
type turnKey struct {
	stdcrypto.Signer
	session *session
}

func (k turnKey) Sign(random io.Reader, digest []byte, o stdcrypto.SignerOpts) ([]byte, error) {
	if err := k.take(); err != nil {
		return nil, err
	}
	defer k.session.turns.give()
	return k.Signer.Sign(random, digest, o)
}

// Decrypt serves the key exchange of old phones, by RSA.
func (k turnKey) Decrypt(random io.Reader, message []byte, o stdcrypto.DecrypterOpts) ([]byte, error) {
	key, ok := k.Signer.(stdcrypto.Decrypter)
	if !ok {
		return nil, errors.New("the CAPF key cannot decrypt")
	}
	if err := k.take(); err != nil {
		return nil, err
	}
	defer k.session.turns.give()
	return key.Decrypt(random, message, o)
}

func (k turnKey) take() error {
	s := k.session
	return s.turns.take(s.near, s.gone, s.began.Add(s.Timeouts.Handshake))
}
