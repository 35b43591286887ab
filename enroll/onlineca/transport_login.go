package onlineca

import (
	"net/http"
	"slices"
	"strings"
	"sync"
)

// scheme is a way to log in.
type scheme string

const (
	anonymous scheme = ""
	basic     scheme = "basic"
	ntlm      scheme = "ntlm"
	negotiate scheme = "negotiate"
)

// offered finds schemes in WWW-Authenticate headers, of which there may be
// several, each with several schemes.
var offered = pattern(`(?i)(?:^|,)\s*(NTLM|Negotiate|Basic|Digest|Bearer|Kerberos)\b`)

func offers(header http.Header) []scheme {
	var all []scheme
	for _, value := range header.Values("WWW-Authenticate") {
		for _, m := range offered().FindAllStringSubmatch(value, -1) {
			all = append(all, scheme(strings.ToLower(m[1])))
		}
	}
	return all
}

// loginManner describes how clients log in to a kind of CA.
type loginManner struct {
	// probe is the path of a page that shows whether a login works; "" when
	// there is none.
	probe string
	// unasked says that a POST may carry the password before the server has
	// asked for it, and that everything else is public.
	unasked bool
	// advice is what to do about a web server that wants a login that we cannot
	// do. orCertificate is appended when no client certificate is set but one
	// would be accepted.
	advice, orCertificate string
}

// login is what is known about how to log in to a CA.
type login struct {
	config Config
	manner loginManner

	mu    sync.Mutex // guards known
	known knowledge
}

type knowledge struct {
	scheme scheme
	works  bool // the scheme has worked
	open   bool // the login probe is public, so it proves nothing
}

func (l *login) knows() knowledge {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.known
}

// learn remembers a login that worked. A public page, such as the
// certificates of an EST server, proves nothing.
func (l *login) learn(s scheme, c call) {
	if s == anonymous && c.method != http.MethodPost && c.path != l.manner.probe {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	k := &l.known
	if !k.works || k.scheme != s {
		l.config.Log.Debug("login to the online CA works", "host", l.config.Host, "scheme", string(s))
	}
	k.scheme, k.works = s, true
	k.open = k.open || s == anonymous && c.path == l.manner.probe
}

// first returns the login to begin with. Some EST servers close the connection
// after their 401, and the request would have to be sent twice. So a POST
// carries the password unasked, once TLS has authenticated the server.
func (l *login) first(c call) scheme {
	k := l.knows()
	switch {
	case l.manner.unasked && c.method != http.MethodPost:
		return anonymous
	case l.manner.unasked && !k.works && l.config.Username != "" && !l.config.RequireNTLM:
		return basic
	}
	return k.scheme
}

// next returns what to try after a 401. NTLM comes first, since it does not
// reveal the password to the server; Negotiate with an NTLM token is the same
// under another name.
func (l *login) next(offered, tried []scheme) scheme {
	for _, s := range []scheme{ntlm, negotiate, basic} {
		twin := s == negotiate && slices.Contains(tried, ntlm)
		if slices.Contains(offered, s) && !slices.Contains(tried, s) && !twin && !(s == basic && l.config.RequireNTLM) {
			return s
		}
	}
	return anonymous
}

// unproven reports whether a login still has to be found with the probe.
func (l *login) unproven() bool {
	return l.manner.probe != "" && l.config.Username != "" && !l.knows().works
}

// canProve reports whether the probe can show that a login works.
func (l *login) canProve() bool { return l.manner.probe != "" && !l.knows().open }

// probe returns a call that only shows whether the login works.
func (l *login) probe(c call) call {
	return call{doing: c.doing, method: http.MethodGet, path: l.manner.probe, forced: c.forced}
}
