package onlineca

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"time"
	"unicode"
)

// Config says which CA to ask and how. The zero value of every field but Type
// and Host means its default.
type Config struct {
	Type Type
	Host string // a name, which the HTTPS certificate must have, or an address
	Port int    // 443

	// Template is the common name of the certificate template (Microsoft) or
	// the label in the path (EST). Empty: none is sent.
	Template string

	Username string // DOMAIN\user or user@realm for NTLM
	Password string // never appears in an error or in the log

	// RequireNTLM withholds the password from a server that does not offer
	// NTLM.
	RequireNTLM bool

	// ClientCertificate is sent to a server that asks for one in the TLS handshake.
	ClientCertificate *tls.Certificate

	// Roots are the certificates of capf-trust that vouch for the CA's web
	// server. Nothing else is trusted, not even the system's roots. A server's
	// own certificate among them is trusted by itself.
	Roots []*x509.Certificate

	// Issuers are the certificates of capf-trust that vouch for LSCs. For a
	// certificate issued by one of them, the CA need not send a chain.
	Issuers []*x509.Certificate

	// Impostor says why a path from the web server's certificate, which comes
	// first, to a root does not prove that the server is the CA's; "" when it
	// does. Nil accepts every path.
	Impostor func(path []*x509.Certificate) string

	Limits Limits
	Log    *slog.Logger // nothing is logged when nil

	// The rest is for tests.
	Now    func() time.Time
	Sleep  func(context.Context, time.Duration) error
	Dial   func(ctx context.Context, network, address string) (net.Conn, error)
	Lookup func(ctx context.Context, host string) ([]string, error)
}

// Limits bound the resources that one CA may use. Zero means the default.
type Limits struct {
	Concurrent int           // concurrent requests; 16
	Post       time.Duration // for one request including its authentication; 60 s
	Get        time.Duration // for one attempt to fetch something; 30 s
	Body       int64         // bytes of one answer, after decoding; 1 MiB
	Tries      int           // of a fetch, with growing pauses; 3
	Failures   int           // in a row before the CA is left alone; 5
	Pause      time.Duration // the first pause when it is left alone; 10 s, doubling up to 5 minutes
	Refusal    time.Duration // the first pause after a refused password; 1 minute, doubling up to 30 minutes
}

func (c *Config) check() error {
	kind, known := KindOf(c.Type)
	if !known {
		return fmt.Errorf("type of the online CA is %q, which is not a known kind of CA", c.Type)
	}
	switch {
	case c.Host == "":
		return fmt.Errorf("the online CA has no host name")
	case net.ParseIP(c.Host) == nil && strings.ContainsFunc(c.Host, notInName):
		return fmt.Errorf("host name of the online CA %q is not a host name", c.Host)
	case c.Port < 0 || c.Port > 65535:
		return fmt.Errorf("port of the online CA %d is not in 1 to 65535", c.Port)
	case len(c.Template) > 255 || strings.ContainsFunc(c.Template, unicode.IsControl):
		return fmt.Errorf("template of the online CA %q is too long or has control characters", c.Template)
	case strings.ContainsFunc(c.Username, unicode.IsControl):
		return fmt.Errorf("user name %q at the online CA has control characters", c.Username)
	case strings.ContainsFunc(c.Password, unicode.IsControl):
		return fmt.Errorf("the password at the online CA has control characters")
	case c.Username == "" && c.Password != "":
		return fmt.Errorf("the online CA has a password but no user name")
	case c.Username != "" && c.Password == "": // an empty one would be wrong, and count as a wrong password
		return fmt.Errorf("the online CA has a user name but no password")
	}
	if kind.CheckTemplate != nil {
		if err := kind.CheckTemplate(c.Template); err != nil {
			return fmt.Errorf("%s of %s: %w", kind.TemplateWord, kind.Server, err)
		}
	}
	return nil
}

func notInName(r rune) bool {
	return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '-' && r != '.' && r != '_'
}

func (c *Config) fill() {
	orInt(&c.Port, 443)
	orInt(&c.Limits.Concurrent, 16)
	orInt(&c.Limits.Tries, 3)
	orInt(&c.Limits.Failures, 5)
	orDuration(&c.Limits.Post, time.Minute)
	orDuration(&c.Limits.Get, 30*time.Second)
	orDuration(&c.Limits.Pause, 10*time.Second)
	orDuration(&c.Limits.Refusal, time.Minute)
	if c.Limits.Body <= 0 {
		c.Limits.Body = 1 << 20
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Sleep == nil {
		c.Sleep = sleep
	}
	if c.Dial == nil {
		c.Dial = (&net.Dialer{Timeout: 10 * time.Second}).DialContext
	}
	if c.Lookup == nil {
		c.Lookup = net.DefaultResolver.LookupHost
	}
}

func orInt(p *int, value int) {
	if *p <= 0 {
		*p = value
	}
}

func orDuration(p *time.Duration, value time.Duration) {
	if *p <= 0 {
		*p = value
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// address is what is dialed.
func (c *Config) address() string { return net.JoinHostPort(c.Host, fmt.Sprint(c.Port)) }

// base is what every URL begins with.
func (c *Config) base() *url.URL {
	u := &url.URL{Scheme: "https", Host: c.address()}
	if c.Port == 443 { // browsers and IIS bindings leave the default port out
		u.Host = strings.TrimSuffix(c.address(), ":443")
	}
	return u
}

// basic is the value of an Authorization header.
func (c *Config) basic() string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(c.Username+":"+c.Password))
}
