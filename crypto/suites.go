package crypto

import "crypto/tls"

// PhoneSuites returns Go's own choice of TLS suites followed by those that old phones
// need. Go disables RSA key exchange unless it is named here.
func PhoneSuites() []uint16 {
	var list []uint16
	for _, s := range tls.CipherSuites() {
		list = append(list, s.ID)
	}
	return append(list,
		tls.TLS_RSA_WITH_AES_128_CBC_SHA, // 7940, 7960, 7941 to 7975 and 894x, on TLS 1.0
		tls.TLS_RSA_WITH_AES_256_CBC_SHA, // 7942 and 7962 with late firmware
	)
}
