package directory

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"

	"capf/internal/apperr"
)

// entryLimit is how many entries a directory may have. More mean that the
// filter is too wide, or that the server never stops.
const entryLimit = 200000

// fetch reads all entries of the directory, page by page, and reports their
// number after each page. It returns all entries or an error.
func (d Directory) fetch(ctx context.Context, password string, progress func(entries int)) ([]*ldap.Entry, error) {
	conn, err := d.connect(ctx, password)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	attributes, err := d.attributes()
	if err != nil {
		return nil, err
	}
	paging := ldap.NewControlPaging(uint32(d.PageSize))
	var all []*ldap.Entry
	for {
		page, err := conn.Search(ldap.NewSearchRequest(d.Base, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases,
			0, d.Seconds, false, d.Filter, attributes, []ldap.Control{paging}))
		if ctx.Err() != nil {
			return nil, fmt.Errorf("reading the entries: %w", ctx.Err())
		}
		if err != nil {
			return nil, d.explain(err, "reading the entries under %q", d.Base)
		}
		if i := slices.IndexFunc(page.Referrals, mayHavePeople); i >= 0 {
			return nil, apperr.WithHint(apperr.Refused("the directory refers to another one for some of the people: %s", page.Referrals[i]), "--base or --url leads to where the people are; of a forest of Active Directory, the global catalog has all (ldaps://HOST:3269)")
		}
		if all = append(all, page.Entries...); len(all) > entryLimit {
			return nil, apperr.WithHint(apperr.Refused("the directory has more than %d entries", entryLimit), "--filter and --base narrow it")
		}
		if progress != nil {
			progress(len(all))
		}
		cookie, more := nextPage(page)
		if !more {
			return all, nil
		}
		if slices.Equal(cookie, paging.Cookie) && len(page.Entries) == 0 {
			return nil, errors.New("the directory keeps returning the same empty page")
		}
		paging.SetCookie(cookie)
	}
}

// peopleless lists the beginnings of the names to which an Active Directory
// domain controller always refers when its whole domain is searched.
var peopleless = []string{"DC=ForestDnsZones,", "DC=DomainDnsZones,", "CN=Configuration,"}

func mayHavePeople(referral string) bool {
	u, err := url.Parse(referral)
	return err != nil || !slices.ContainsFunc(peopleless, func(name string) bool {
		at := strings.TrimPrefix(u.Path, "/")
		return len(at) > len(name) && strings.EqualFold(at[:len(name)], name)
	})
}

// nextPage returns the cookie for requesting the next page.
func nextPage(page *ldap.SearchResult) ([]byte, bool) {
	control, ok := ldap.FindControl(page.Controls, ldap.ControlTypePaging).(*ldap.ControlPaging)
	if !ok || len(control.Cookie) == 0 {
		return nil, false
	}
	return control.Cookie, true
}

func (d Directory) attributes() ([]string, error) {
	var all []string
	for _, text := range []string{d.DeviceName, d.About} {
		p, err := parsePattern(text)
		if err != nil {
			return nil, err
		}
		all = append(all, p.attributes()...)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// connect opens a connection with TLS and binds on it. The connection is closed
// when ctx ends.
func (d Directory) connect(ctx context.Context, password string) (*ldap.Conn, error) {
	u, err := url.Parse(d.URL)
	if err != nil {
		return nil, err
	}
	check := d.serverCheck(u.Hostname())
	raw, err := d.dial(ctx, u, check)
	if err != nil {
		return nil, err
	}
	conn := ldap.NewConn(raw, !d.StartTLS)
	conn.Start()
	conn.SetTimeout(d.timeout())
	// The library sets no timeout for a handshake.
	raw.SetDeadline(time.Now().Add(d.timeout()))
	if d.StartTLS {
		if err := conn.StartTLS(check.config()); err != nil {
			conn.Close()
			return nil, d.explain(cmp.Or(check.refused, err), "securing the connection to %q", d.URL)
		}
	}
	raw.SetDeadline(time.Time{})
	if d.BindDN == "" {
		return conn, nil // anonymous from the beginning (RFC 4511, section 4.2)
	}
	if err := conn.Bind(d.BindDN, password); err != nil {
		conn.Close()
		return nil, d.explain(err, "binding as %q", d.BindDN)
	}
	return conn, nil
}

// dial opens the network connection, with TLS unless StartTLS adds it
// later.
func (d Directory) dial(ctx context.Context, u *url.URL, check *serverCheck) (net.Conn, error) {
	limit, cancel := context.WithTimeout(ctx, d.timeout())
	defer cancel()
	raw, err := new(net.Dialer).DialContext(limit, "tcp", net.JoinHostPort(u.Hostname(), ldapPort(u)))
	if err != nil {
		return nil, d.explain(err, "connecting to %q", d.URL)
	}
	if d.StartTLS {
		return raw, nil
	}
	secure := tls.Client(raw, check.config())
	if err := secure.HandshakeContext(limit); err != nil {
		raw.Close()
		return nil, d.explain(cmp.Or(check.refused, err), "securing the connection to %q", d.URL)
	}
	return secure, nil
}

// ldapPort returns the port of an address, or the default of its scheme.
func ldapPort(u *url.URL) string {
	return cmp.Or(u.Port(), map[string]string{"ldap": "389", "ldaps": "636"}[u.Scheme])
}

// serverCheck verifies the certificate of the server and remembers why it was
// refused: after StartTLS, the LDAP library keeps only the text of a handshake
// error.
type serverCheck struct {
	host    string
	roots   *x509.CertPool // nil for those of the system
	refused error
}

func (d Directory) serverCheck(host string) *serverCheck {
	c := &serverCheck{host: host}
	if d.CA != "" {
		c.roots = x509.NewCertPool()
		c.roots.AppendCertsFromPEM([]byte(d.CA))
	}
	return c
}

// config replaces the verification of crypto/tls by verify, which does the
// same.
func (c *serverCheck) config() *tls.Config {
	return &tls.Config{
		ServerName: c.host, MinVersion: tls.VersionTLS12, InsecureSkipVerify: true,
		VerifyConnection: func(s tls.ConnectionState) error {
			c.refused = c.verify(s.PeerCertificates)
			return c.refused
		},
	}
}

func (c *serverCheck) verify(chain []*x509.Certificate) error {
	between := x509.NewCertPool()
	for _, cert := range chain[1:] {
		between.AddCert(cert)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{DNSName: c.host, Roots: c.roots, Intermediates: between})
	return err
}
