package server

import (
	"crypto/tls"

	"capf/crypto"
)

// tlsConfig is TLS as phones know it: a server certificate and nothing asked of
// the phone, which proves itself inside the session.
func tlsConfig(a *crypto.Authority, lowest uint16) *tls.Config {
	c := &tls.Config{
		Certificates: []tls.Certificate{a.TLS()},
		MinVersion:   lowest,
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
