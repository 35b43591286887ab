package phonetls

import (
	"crypto"
	"crypto/tls"

	"capf/internal/tls10"
	"capf/internal/turns"
)

// Config returns TLS as phones expect it, for all connections of a listener, which take
// turns with the private key. Phones are not asked for a certificate. Without suites, they
// are those that Go chooses.
func Config(own tls.Certificate, lowest uint16, suites []uint16) *tls.Config {
	key, limiter := own.PrivateKey.(crypto.Signer), turns.New()
	c := &tls.Config{
		MinVersion:   lowest,
		CipherSuites: suites,
		// Phones do not resume sessions, so tickets would only cost time.
		SessionTicketsDisabled: true,
		// Go would split the first writes into records of one packet each, and a
		// frame that arrives in pieces makes a phone's client stall.
		DynamicRecordSizingDisabled: true,
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			one, turn := own, hello.Conn.(*below).turn
			one.PrivateKey = limiter.Key(key, turn.Network, turn.Gone, turn.Ends)
			return &one, nil
		},
	}
	c.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		return hello.Conn.(*below).greeted(hello, c), nil
	}
	return c
}

// greeted keeps what the phone offers, for whoever tells why a handshake failed, and
// returns the configuration for it: nil for the usual one.
func (b *below) greeted(hello *tls.ClientHelloInfo, usual *tls.Config) *tls.Config {
	b.offer = Offer{hello.SupportedVersions, hello.CipherSuites}
	if usual.MinVersion > tls.VersionTLS10 || !tls10.Only(hello) {
		return nil
	}
	b.old = &tls10.Handshake{}
	return b.old.Watched(usual)
}
