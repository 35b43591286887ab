package onlineca

import (
	"slices"
	"strings"
)

// trouble explains a 401: why there is no login, and what to do.
func (l *login) trouble(r *reply) (reason, advised string) {
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
		return "the web server wants a login but does not say which", l.manner.advice + l.orCertificate()
	case !byNTLM && !byBasic:
		return "the web server offers only " + list + ", which we cannot do", l.manner.advice + l.orCertificate()
	case l.config.Username == "":
		return "the web server wants a login (" + list + ") and we have no user name", "set online_ca_username and online_ca_password" + l.orCertificate()
	case !byNTLM && l.config.RequireNTLM:
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

// orCertificate is advice about a way in that needs no password, if there is one.
func (l *login) orCertificate() string {
	if l.config.ClientCertificate != nil {
		return ""
	}
	return l.manner.orCertificate
}
