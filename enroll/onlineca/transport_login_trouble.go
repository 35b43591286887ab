package onlineca

import (
	"net/http"
	"slices"
	"strings"
)

// loginTrouble explains a 401: why there is no login, and what can be done.
func (l *link) loginTrouble(r *reply) (reason, advised string) {
	offered := offers(r.header)
	var names []string
	for _, s := range offered {
		names = append(names, strings.ToUpper(string(s[:1]))+string(s[1:]))
	}
	list := strings.ReplaceAll(strings.Join(slices.Compact(names), ", "), "Ntlm", "NTLM")
	byNTLM := slices.Contains(offered, ntlm) || slices.Contains(offered, negotiate)
	byBasic := slices.Contains(offered, basic)
	switch {
	case len(offered) == 0 && r.by != anonymous:
		return "the web server refuses the user name or the password, and names no other way to log in", advice("401") + l.orCertificate()
	case len(offered) == 0:
		return "the web server wants a login but does not say which", l.whichLogin() + l.orCertificate()
	case !byNTLM && !byBasic:
		return "the web server offers only " + list + ", which we cannot do", l.whichLogin() + l.orCertificate()
	case l.Username == "":
		return "the web server wants a login (" + list + ") and we have no user name", "set online_ca_username and online_ca_password" + l.orCertificate()
	case !byNTLM && l.RequireNTLM:
		return "the web server offers only " + list + ", and online_ca_require_ntlm keeps the password from a server without NTLM",
			"let the web server offer NTLM (Windows Authentication in IIS), or capf set online_ca_require_ntlm false"
	case r.noNTLM && r.by != basic:
		return "the web server refuses NTLM, before it has seen user name and password (it offers " + list + ")", noNTLMAdvice
	}
	return "the web server refuses the user name or the password (it offers " + list + ")", advice("401")
}

// noNTLMAdvice is for a server where Negotiate means Kerberos only, which we
// cannot do.
const noNTLMAdvice = "only Kerberos gets through: look at the policies \"Network security: Restrict NTLM: Incoming NTLM traffic\" of the web server and " +
	"\"Network security: Restrict NTLM: NTLM authentication in this domain\" of the domain controllers, and add an exception there, or let IIS offer Basic over HTTPS; " +
	"in IIS, the providers of Windows Authentication must not be Negotiate:Kerberos alone"

func (l *link) whichLogin() string {
	if l.Type == EST {
		return "let the EST server offer Basic over HTTPS"
	}
	return "turn on Windows Authentication (NTLM) or Basic for CertSrv in IIS"
}

// orCertificate is the way into an EST server that needs no password.
func (l *link) orCertificate() string {
	if l.Type == EST && l.ClientCertificate == nil {
		return ", or give the EST server's client certificate: capf set online_ca_client_certificate --file FILE"
	}
	return ""
}

const clientCertificateAdvice = "give one that the web server trusts with capf set online_ca_client_certificate --file FILE, or have it want none: " +
	"in IIS, set client certificates to Ignore in the SSL Settings of CertSrv; in nginx, ssl_verify_client optional or off; in Apache, SSLVerifyClient none"

// What can be between us and a web server that asks for a client certificate.
const (
	noCertificate    = "the web server wants a client certificate, and we have shown none"
	otherCertificate = "the web server does not take our client certificate"
	lateCertificate  = "the web server wants a client certificate, which it asks for only after the handshake"
)

// certificateRefusal is how one kind of web server turns away who has shown no
// client certificate in the handshake, or not the right one.
type certificateRefusal struct{ words, code, reason string }

// certificateTrouble finds it in an answer; nil when it is about something else.
// HTTP has no status for that: IIS names its own in the page, nginx answers 400 to
// what it calls 495 and 496, Apache says it in a sentence.
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
