package directory

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"

	"capf/enroll/devices"
	"capf/enroll/secrets"
	"capf/enroll/templates"
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

// pattern is a text with attributes of an entry in it: literals alternate with
// attributes, a literal first.
type pattern []string

func parsePattern(s string) (pattern, error) {
	var p pattern
	for {
		literal, rest, found := strings.Cut(s, "{")
		if strings.Contains(literal, "}") {
			return nil, apperr.BadValue("%q has a } without a {", s)
		}
		p = append(p, literal)
		if !found {
			return p, nil
		}
		attribute, after, closed := strings.Cut(rest, "}")
		if !closed || !attributeName(attribute) {
			return nil, apperr.BadValue("{%s is not the name of an attribute in braces", rest)
		}
		p, s = append(p, attribute), after
	}
}

// attributeName: RFC 4512, section 2.5, without options.
func attributeName(s string) bool {
	for i, c := range s {
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || c != '-' && c != '.' && (c < '0' || c > '9')) {
			return false
		}
	}
	return s != ""
}

func (p pattern) attributes() (names []string) {
	for i := 1; i < len(p); i += 2 {
		names = append(names, p[i])
	}
	return names
}

// fill substitutes an entry's values. missing is an attribute that the entry
// lacks, or that has several values, none of which can be preferred.
func (p pattern) fill(e *ldap.Entry) (text, problem string) {
	var b strings.Builder
	for i, part := range p {
		if i%2 == 0 {
			b.WriteString(part)
			continue
		}
		switch values := e.GetEqualFoldAttributeValues(part); len(values) {
		case 0:
			return b.String(), fmt.Sprintf("the entry has no attribute %q", part)
		case 1:
			b.WriteString(values[0])
		default:
			return b.String(), fmt.Sprintf("the entry has %d values of the attribute %q", len(values), part)
		}
	}
	return b.String(), ""
}

// ReadDirectory returns the settings of a directory.
func ReadDirectory(d store.Directory) (Directory, error) {
	var v Directory
	if err := json.Unmarshal([]byte(d.Settings), &v); err != nil {
		return v, fmt.Errorf("reading the settings of directory %q: %w", d.Name, err)
	}
	return v, nil
}

// AddDirectory adds a directory; the group may be "". A nil password is for an
// anonymous bind. When the same directory exists already, nothing changes and
// added is false. Errors: ErrValue, ErrRefused; store.ErrNotFound when there is
// no such group; store.ErrConflict when a different directory has that name.
func AddDirectory(ctx context.Context, r *devices.Rules, actor store.Actor, name, group string, password *string, v Directory) (added bool, err error) {
	if err := templates.CheckName("directory", name); err != nil {
		return false, err
	}
	if v.BindDN != "" && password == nil {
		return false, lacksPassword(v)
	}
	d := store.Directory{Name: name}
	if err := fillDirectory(r, &d, v, password); err != nil {
		return false, err
	}
	if err := nameGroup(ctx, r, &d, group); err != nil {
		return false, err
	}
	have, err := r.Store.Directory(ctx, name)
	switch {
	case errors.Is(err, store.ErrNotFound):
		err = r.Store.AddDirectory(ctx, actor, d)
		return err == nil, err
	case err != nil:
		return false, err
	}
	was, err := ReadDirectory(have)
	if err != nil {
		return false, err
	}
	same, err := samePassword(r, have, password)
	if err == nil && (!same || was != v || have.FeatureGroupID != d.FeatureGroupID) {
		err = templates.ExistsOtherwise("directory", "ldap set", have.Name)
	}
	return false, err
}

func samePassword(r *devices.Rules, d store.Directory, password *string) (bool, error) {
	if d.SealedPassword == nil || password == nil {
		return d.SealedPassword == nil && password == nil, nil
	}
	secret, err := r.Sealer.Open(secrets.DirectoryPasswordLabel, d.SealedPassword)
	return string(secret) == *password, err
}

func lacksPassword(v Directory) error {
	return apperr.WithHint(apperr.BadValue("the password of %q is missing", v.BindDN), "--password-file or --password-prompt")
}

// ChangeDirectory changes the settings of a directory. A nil password or group
// stays as it is. But a password belongs to the server that it was given for:
// when the server changes, the password is dropped unless it is given again,
// and nothing can be synced until it is. A new group is refused once the
// directory has been synced: its settings would not reach existing devices.
// Errors: as for AddDirectory.
func ChangeDirectory(ctx context.Context, r *devices.Rules, actor store.Actor, d store.Directory, v Directory, password, group *string) (dropped bool, err error) {
	if group != nil && !strings.EqualFold(*group, d.FeatureGroup) {
		if !d.FirstSyncAt.IsZero() {
			return false, apperr.WithHint(apperr.Refused("the directory %q has been synced on %s; a feature group template is for one that never was",
				d.Name, d.FirstSyncAt.Local().Format("2006-01-02 15:04 MST")), "capf bulk update changes the devices that it has made")
		}
		if err := nameGroup(ctx, r, &d, *group); err != nil {
			return false, err
		}
	}
	was, err := ReadDirectory(d)
	if err != nil {
		return false, err
	}
	if was.BindDN == "" && v.BindDN != "" && password == nil {
		return false, lacksPassword(v)
	}
	had := d.SealedPassword != nil
	if v.BindDN == "" || !v.samePlace(was) {
		d.SealedPassword = nil
	}
	if err := fillDirectory(r, &d, v, password); err != nil {
		return false, err
	}
	dropped = had && d.SealedPassword == nil && v.BindDN != ""
	return dropped, r.Store.ChangeDirectory(ctx, actor, d)
}

// samePlace reports whether a password given for one directory would be
// sent to the same server by the other: same address, and same CA vouching
// for it.
func (d Directory) samePlace(o Directory) bool {
	return d.place() == o.place() && slices.EqualFunc(d.authorities(), o.authorities(), (*x509.Certificate).Equal)
}

// place returns scheme, host and port in a normalized spelling.
func (d Directory) place() string {
	u, err := url.Parse(d.URL)
	if err != nil {
		return d.URL
	}
	return u.Scheme + "://" + strings.ToLower(net.JoinHostPort(u.Hostname(), ldapPort(u)))
}

// authorities returns the certificates of the CA file, in their order.
func (d Directory) authorities() (all []*x509.Certificate) {
	for rest := []byte(d.CA); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return all
		}
		if c, err := x509.ParseCertificate(block.Bytes); err == nil {
			all = append(all, c)
		}
	}
}

func fillDirectory(r *devices.Rules, d *store.Directory, v Directory, password *string) error {
	if err := v.check(); err != nil {
		return err
	}
	switch {
	case password != nil && *password == "":
		return apperr.BadValue("the password is empty")
	case password != nil && v.BindDN == "":
		return apperr.WithHint(apperr.BadValue("a password is of no use to an anonymous bind"), "--bind-dn names who binds")
	}
	text, err := json.Marshal(v)
	if err == nil && password != nil {
		d.SealedPassword, err = r.Sealer.Seal(secrets.DirectoryPasswordLabel, []byte(*password))
	}
	if err != nil {
		return fmt.Errorf("keeping the settings of directory %q: %w", d.Name, err)
	}
	d.Settings = string(text)
	return nil
}

func nameGroup(ctx context.Context, r *devices.Rules, d *store.Directory, group string) error {
	d.FeatureGroupID = 0
	if group == "" {
		return nil
	}
	g, err := r.Store.FeatureGroup(ctx, group)
	d.FeatureGroupID = g.ID
	return err
}
