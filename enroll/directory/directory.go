package directory

import (
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"

	"capf/internal/apperr"
	"capf/store"
)

// Directory says how an LDAP directory is reached, and how its people
// become devices.
type Directory struct {
	URL        string `json:"url"`                 // ldaps://HOST[:PORT], or ldap:// with StartTLS
	StartTLS   bool   `json:"start_tls,omitempty"` // for ldap://
	CA         string `json:"ca,omitempty"`        // PEM; "" for the roots of the system
	BindDN     string `json:"bind_dn,omitempty"`   // "" is anonymous
	Base       string `json:"base"`
	Filter     string `json:"filter"`
	DeviceName string `json:"device_name"`           // such as CSF{uid}
	About      string `json:"description,omitempty"` // such as {cn}
	PageSize   int    `json:"page_size"`
	Seconds    int    `json:"timeout_seconds"` // for each answer
}

// The defaults of a directory.
const (
	DefaultFilter   = "(objectClass=inetOrgPerson)"
	DefaultPageSize = 500
	DefaultSeconds  = 30
)

func (d Directory) timeout() time.Duration { return time.Duration(d.Seconds) * time.Second }

// check refuses settings that cannot work or would send the password in the
// clear. Errors: ErrValue, ErrRefused.
func (d Directory) check() error {
	u, err := url.Parse(d.URL)
	switch {
	case strings.Contains(d.URL, "@"): // what precedes the @ may be a password
		return apperr.BadValue("the address of a directory has no user and no password; --bind-dn and --password-file say them")
	case err != nil || u.Host == "" || u.Scheme != "ldap" && u.Scheme != "ldaps":
		return apperr.BadValue("%q is not the address of a directory; write ldaps://HOST or ldap://HOST", d.URL)
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil:
		return apperr.BadValue("%q has more than a host and a port; --base and --filter say the rest", d.URL)
	case u.Scheme == "ldap" && !d.StartTLS:
		return apperr.WithHint(apperr.Refused("without TLS, the password and the people would cross the network in the clear"), "--start-tls, or ldaps:// in the address")
	case u.Scheme == "ldaps" && d.StartTLS:
		return apperr.BadValue("ldaps:// has TLS from its beginning; --start-tls is for ldap://")
	case d.PageSize < 1 || d.PageSize > 10000:
		return apperr.BadValue("a page has 1 to 10000 entries, not %d", d.PageSize)
	case d.Seconds < 1 || d.Seconds > 3600:
		return apperr.BadValue("the directory has 1 to 3600 seconds for an answer, not %d", d.Seconds)
	}
	if _, err := ldap.ParseDN(d.Base); err != nil {
		return apperr.BadValue("the base %q is not a distinguished name such as ou=people,dc=example,dc=com", d.Base)
	}
	if _, err := ldap.CompileFilter(d.Filter); err != nil {
		return apperr.BadValue("the filter %q is not one of LDAP (RFC 4515): %v", d.Filter, ldapText(err))
	}
	if d.CA != "" && !x509.NewCertPool().AppendCertsFromPEM([]byte(d.CA)) {
		return apperr.BadValue("the CA file has no certificate in PEM")
	}
	return d.checkPatterns()
}

func (d Directory) checkPatterns() error {
	name, err := parsePattern(d.DeviceName)
	if err != nil {
		return err
	}
	if len(name.attributes()) == 0 {
		return apperr.BadValue("the device name %q has no attribute in it, such as CSF{uid}, so that all people would have one device", d.DeviceName)
	}
	_, err = parsePattern(d.About)
	return err
}

// ReadDirectory returns the settings of a directory.
func ReadDirectory(d store.Directory) (Directory, error) {
	var v Directory
	if err := json.Unmarshal([]byte(d.Settings), &v); err != nil {
		return v, fmt.Errorf("reading the settings of directory %q: %w", d.Name, err)
	}
	return v, nil
}
