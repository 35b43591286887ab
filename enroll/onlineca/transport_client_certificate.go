package onlineca

import (
	"net/http"
	"strings"
)

const clientCertificateAdvice = "give one that the web server trusts with capf set online_ca_client_certificate --file FILE, or have it want none: " +
	"in IIS, set client certificates to Ignore in the SSL Settings of CertSrv; in nginx, ssl_verify_client optional or off; in Apache, SSLVerifyClient none"

// What can go wrong with a web server that asks for a client certificate.
const (
	noCertificate    = "the web server wants a client certificate, and we have shown none"
	otherCertificate = "the web server does not take our client certificate"
	lateCertificate  = "the web server wants a client certificate, which it asks for only after the handshake"
)

// certificateRefusal is how one kind of web server refuses clients that have sent no
// certificate in the handshake, or the wrong one.
type certificateRefusal struct{ words, code, reason string }

// certificateTrouble finds such a refusal in an answer; nil when there is none. HTTP
// has no status for it: IIS names its own in the page, nginx answers 400 to what it
// calls 495 and 496, Apache says it in a sentence.
func certificateTrouble(r *reply) *certificateRefusal {
	if r.status != http.StatusBadRequest && r.status != http.StatusForbidden {
		return nil
	}
	body := strings.ToLower(string(r.body))
	for _, known := range []certificateRefusal{
		{"no required ssl certificate was sent", "496", noCertificate},
		{"the ssl certificate error", "495", otherCertificate},
		{"cannot perform post-handshake authentication", "403", lateCertificate},
		{"403.7", "403.7", noCertificate},
		{"403.12", "403.12", otherCertificate}, // mapping
		{"403.13", "403.13", otherCertificate}, // revoked
		{"403.16", "403.16", otherCertificate}, // not trusted
		{"403.17", "403.17", otherCertificate}, // expired
	} {
		if strings.Contains(body, known.words) {
			return &known
		}
	}
	return nil
}
