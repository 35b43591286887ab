package server

import (
	"crypto/tls"

	"capf/crypto"
	"capf/internal/phonetls"
)

// tlsConfig returns TLS with the CAPF certificate, but without client authentication,
// since the phone authenticates inside the session. The suites with RSA key exchange are
// for phones that know no newer version.
func tlsConfig(a *crypto.Authority, lowest uint16) *tls.Config {
	var suites []uint16
	if lowest < tls.VersionTLS12 {
		suites = crypto.PhoneSuites()
	}
	return phonetls.Config(a.TLS(), lowest, suites)
}
