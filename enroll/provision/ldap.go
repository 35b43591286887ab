package provision

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// entryLimit is how many entries a directory may have. More come from a filter
// that is too wide, or from a server that never ends.
const entryLimit = 200000

// fetch reads all entries of the directory, page by page, and tells after each
// how many they are. It returns all or an error.
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
			return nil, refused("--base or --url leads to where the people are; of a forest of Active Directory, the global catalog has all (ldaps://HOST:3269)",
				"the directory refers to another one for some of the people: %s", page.Referrals[i])
		}
		if all = append(all, page.Entries...); len(all) > entryLimit {
			return nil, refused("--filter and --base narrow it", "the directory has more than %d entries", entryLimit)
		}
		if progress != nil {
			progress(len(all))
		}
		cookie, more := nextPage(page)
		if !more {
			return all, nil
		}
		if slices.Equal(cookie, paging.Cookie) && len(page.Entries) == 0 {
			return nil, errors.New("the directory gives the same empty page again and again")
		}
		paging.SetCookie(cookie)
	}
}

// peopleless begin the names of what a domain controller of Active Directory
// refers to whenever its whole domain is searched.
var peopleless = []string{"DC=ForestDnsZones,", "DC=DomainDnsZones,", "CN=Configuration,"}

func mayHavePeople(referral string) bool {
	u, err := url.Parse(referral)
	return err != nil || !slices.ContainsFunc(peopleless, func(name string) bool {
		at := strings.TrimPrefix(u.Path, "/")
		return len(at) > len(name) && strings.EqualFold(at[:len(name)], name)
	})
}

// nextPage is the cookie with which the next page is asked for.
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

// connect makes a connection with TLS, on which it has bound. It ends with ctx.
func (d Directory) connect(ctx context.Context, password string) (*ldap.Conn, error) {
	raw, how, err := d.dial(ctx)
	if err != nil {
		return nil, err
	}
	conn := ldap.NewConn(raw, !d.StartTLS)
	conn.Start()
	conn.SetTimeout(d.timeout())
	// A handshake has no time-out of its own in the library.
	raw.SetDeadline(time.Now().Add(d.timeout()))
	if d.StartTLS {
		if err := conn.StartTLS(how); err != nil {
			conn.Close()
			return nil, d.explain(err, "securing the connection to %q", d.URL)
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

// dial opens the network connection, with TLS unless StartTLS brings it.
func (d Directory) dial(ctx context.Context) (net.Conn, *tls.Config, error) {
	u, err := url.Parse(d.URL)
	if err != nil {
		return nil, nil, err
	}
	how := &tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS12}
	if d.CA != "" {
		how.RootCAs = x509.NewCertPool()
		how.RootCAs.AppendCertsFromPEM([]byte(d.CA))
	}
	limit, cancel := context.WithTimeout(ctx, d.timeout())
	defer cancel()
	raw, err := new(net.Dialer).DialContext(limit, "tcp", net.JoinHostPort(u.Hostname(), ldapPort(u)))
	if err != nil {
		return nil, nil, d.explain(err, "connecting to %q", d.URL)
	}
	if d.StartTLS {
		return raw, how, nil
	}
	secure := tls.Client(raw, how)
	if err := secure.HandshakeContext(limit); err != nil {
		raw.Close()
		return nil, nil, d.explain(err, "securing the connection to %q", d.URL)
	}
	return secure, how, nil
}

// ldapPort is the port of an address, which may leave it to its scheme.
func ldapPort(u *url.URL) string {
	return cmp.Or(u.Port(), map[string]string{"ldap": "389", "ldaps": "636"}[u.Scheme])
}

// explain words what an operator can do about an error of the directory.
func (d Directory) explain(err error, format string, args ...any) error {
	doing := fmt.Sprintf(format, args...)
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var network net.Error // context.DeadlineExceeded is one too
	say := func(hint, text string) error { return &kindError{err, doing + ": " + text, hint} }
	switch {
	case errors.As(err, &unknown):
		return say("--ca-file names the certificate of its CA", "its certificate comes from a CA that is not known")
	case errors.As(err, &host):
		return say("--url has to have a name that is in it", fmt.Sprintf("its certificate is not for %q", host.Host))
	case errors.As(err, &invalid):
		return say("", "its certificate is not valid: "+invalid.Error())
	case ldap.IsErrorWithCode(err, ldap.LDAPResultInvalidCredentials):
		return say("--bind-dn and --password-file say who binds", "the directory refuses the name or the password")
	case ldap.IsErrorWithCode(err, ldap.LDAPResultReferral):
		return say("--url or --base leads to where the people are", "the directory refers to another one")
	case ldap.IsErrorWithCode(err, ldap.LDAPResultNoSuchObject):
		return say("--base is where the people are", "the directory has nothing there, or does not show it to us")
	case ldap.IsErrorWithCode(err, ldap.LDAPResultInsufficientAccessRights):
		return say("--bind-dn has to be one who may read them", "the directory does not allow it")
	case ldap.IsErrorAnyOf(err, ldap.LDAPResultSizeLimitExceeded, ldap.LDAPResultAdminLimitExceeded):
		return say("--page-size or --filter makes it less", "the directory gives no more than its limit")
	case isTimeout(err), errors.As(err, &network) && network.Timeout():
		return say("--timeout gives it longer", fmt.Sprintf("the directory did not answer within %v", d.timeout()))
	}
	return say("", ldapText(err))
}

// isTimeout looks into the text too: the library keeps only that of a read
// that failed.
func isTimeout(err error) bool {
	return ldap.IsErrorWithCode(err, ldap.LDAPResultTimeLimitExceeded) || errors.Is(err, os.ErrDeadlineExceeded) ||
		strings.Contains(err.Error(), "timed out") || strings.Contains(err.Error(), "i/o timeout")
}

// ldapText is an error of the LDAP library without its own preface.
func ldapText(err error) string {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err.Error()
	}
	var e *ldap.Error
	if !errors.As(err, &e) {
		return err.Error()
	}
	text := ldap.LDAPResultCodeMap[e.ResultCode]
	if e.Err != nil && e.Err.Error() != "" {
		text = e.Err.Error()
	}
	return strings.ToLower(text[:min(1, len(text))]) + text[min(1, len(text)):]
}
