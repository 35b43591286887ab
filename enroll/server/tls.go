package server

import (
	stdcrypto "crypto"
	"crypto/tls"

	"capf/crypto"
	"capf/internal/tls10"
)

// tlsConfig returns TLS as phones expect it: with a server certificate but
// without client authentication, since the phone authenticates inside the
// session.
func tlsConfig(a *crypto.Authority, lowest uint16) *tls.Config {
	c := &tls.Config{
		GetCertificate: certificate(a.TLS()),
		MinVersion:     lowest,
		// Phones do not resume sessions, so tickets would only cost time.
		SessionTicketsDisabled: true,
		// Go would split the first writes into records of one packet each, and a
		// frame that arrives in pieces makes a phone's client stall.
		DynamicRecordSizingDisabled: true,
	}
	if lowest < tls.VersionTLS12 {
		c.CipherSuites = crypto.PhoneSuites()
	}
	c.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		return hello.Conn.(helloReader).connection.greeted(hello, c), nil
	}
	return c
}

// greeted keeps what the phone offers, for the log of a handshake that fails, and
// returns the configuration for it: nil for the usual one.
func (c *connection) greeted(hello *tls.ClientHelloInfo, usual *tls.Config) *tls.Config {
	c.offer = offer{hello.SupportedVersions, hello.CipherSuites}
	if usual.MinVersion > tls.VersionTLS10 || !tls10.Only(hello) {
		return nil
	}
	c.old = &tls10.Handshake{}
	return c.old.Watched(usual)
}

// certificate returns the CAPF certificate with a key for which the
// handshakes take turns.
func certificate(capf tls.Certificate) func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	key := capf.PrivateKey.(stdcrypto.Signer)
	return func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		one := capf
		c := hello.Conn.(helloReader).connection
		one.PrivateKey = c.handshakes.Key(key, c.network, c.gone, c.handshakeDeadline())
		return &one, nil
	}
}
