package enroll

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"unicode"

	"capf/enroll/acceptance"
	"capf/enroll/onlineca"
	"capf/internal/apperr"
	"capf/store"
)

// IssuerOnline is the issuer whose requests go to a company CA at once.
const IssuerOnline = "online-ca"

// serviceOnline is the service that asks the online CA.
const serviceOnline = "enrollment"

// The parameters of the online CA.
const (
	pOnlineHost        = "online_ca_hostname"
	pOnlinePort        = "online_ca_port"
	pOnlineTemplate    = "online_ca_template"
	pOnlineType        = "online_ca_type"
	pOnlineUsername    = "online_ca_username"
	pOnlinePassword    = "online_ca_password"
	pOnlineCertificate = "online_ca_client_certificate"
	pOnlineRequireNTLM = "online_ca_require_ntlm"
	pClockTolerance    = "clock_tolerance"
	pRequireClientAuth = "require_client_auth"
)

// notSet is the value of a parameter that has none; shownSecret stands for a secret.
const (
	notSet      = "none"
	shownSecret = "(set)"
)

// OnlineSettings say which CA the issuer online-ca asks. The password is not
// among them: it is opened only where it is used.
type OnlineSettings struct {
	Type     onlineca.Type
	Host     string // "" when it is not set
	Port     int
	Template string
	Username string
	// RequireNTLM keeps the password from a server that does not offer NTLM.
	RequireNTLM bool
	Leniency    acceptance.Leniency
}

// onlineParameters is the part of the list of parameters that is about the
// online CA.
func onlineParameters() []Parameter {
	return []Parameter{
		text(pOnlineHost, "none, or the name in the HTTPS certificate", "host name of the online CA", parseHost),
		number(pOnlinePort, 1, 65535, "443", "", atOnce, "TCP port of the online CA"),
		text(pOnlineTemplate, "none, or a name", "certificate template of the CA (microsoft), or label in the path (est)", parseLine),
		choice(pOnlineType, string(onlineca.Microsoft), atOnce, "kind of the online CA: Microsoft Web Enrollment or EST (RFC 7030)",
			string(onlineca.Microsoft), string(onlineca.EST)),
		text(pOnlineUsername, `none, or a name, such as DOMAIN\user or user@realm`, "user name at the online CA", parseLine),
		secret(pOnlinePassword, "none, or a password, from a file or asked for", "password at the online CA"),
		secret(pOnlineCertificate, "none, or a PEM file with certificate and private key", "certificate with which an EST server knows us"),
		flag(pOnlineRequireNTLM, "false", atOnce, "give the password only to a CA whose web server offers NTLM"),
		number(pClockTolerance, 0, 60, "5", "minutes", atOnce, "by how much the clock of another CA may be ahead of ours"),
		flag(pRequireClientAuth, "true", atOnce, "refuse an LSC of another CA whose extendedKeyUsage excludes clientAuth, which 802.1X and SIP over TLS ask for"),
	}
}

func text(name, values, help string, parse func(string) (string, error)) Parameter {
	return Parameter{Name: name, Default: notSet, Effect: atOnce, Range: values, Help: help, parse: func(value string) (string, error) {
		if strings.EqualFold(value, notSet) {
			return notSet, nil
		}
		value, err := parse(value)
		if err != nil {
			return "", apperr.BadValue("%s: %v", name, err)
		}
		return value, nil
	}}
}

func secret(name, values, help string) Parameter {
	return Parameter{Name: name, Default: notSet, Effect: atOnce, Range: values, Help: help, Secret: true}
}

func parseHost(value string) (string, error) {
	if net.ParseIP(value) != nil {
		return value, nil
	}
	if !isHostName(value) {
		return "", fmt.Errorf("%q is not a host name; it has no scheme, path or port", value)
	}
	return strings.TrimSuffix(value, "."), nil
}

func parseLine(value string) (string, error) {
	if len(value) > 255 || strings.ContainsFunc(value, unicode.IsControl) {
		return "", fmt.Errorf("%q is longer than 255 bytes or has control characters", value)
	}
	return value, nil
}

// unset makes an empty text of a value that says so.
func unset(value string) string {
	if value == notSet {
		return ""
	}
	return value
}

// SetSecret sets a parameter that is secret, or removes it when the value is
// nil; an empty one is refused. What is wrong with a value is said without it. An unknown name gives
// store.ErrNotFound, one that is not secret apperr.ErrRefused.
func (r *Rules) SetSecret(ctx context.Context, actor store.Actor, name string, value []byte) (Change, error) {
	p, ok := FindParameter(name)
	switch {
	case !ok:
		return Change{}, apperr.WithHint(fmt.Errorf("parameter %q: %w", name, store.ErrNotFound), "capf show lists all parameters")
	case !p.Secret:
		return Change{}, apperr.Refused("%s is no secret; its value is an argument", p.Name)
	}
	c := Change{Name: p.Name, Old: notSet, New: shownSecret, Effect: p.Effect}
	_, err := r.Store.Secret(ctx, p.Name)
	switch {
	case err == nil:
		c.Old = shownSecret
	case !errors.Is(err, store.ErrNotFound):
		return Change{}, err
	}
	if value == nil {
		c.New, c.Changed = notSet, c.Old == shownSecret
		return c, r.Store.SetSecret(ctx, actor, p.Name, nil)
	}
	if err := checkSecret(p.Name, value); err != nil {
		return Change{}, err
	}
	sealed, err := r.Sealer.Seal(p.Name, value)
	if err != nil {
		return Change{}, fmt.Errorf("sealing %s: %w", p.Name, err)
	}
	c.Changed = true
	return c, r.Store.SetSecret(ctx, actor, p.Name, sealed)
}

// stranded are the secrets that were given for another place than the one to
// which they would be sent after the change.
func stranded(c Change, set map[string]string) []string {
	moves := c.Name == pOnlineHost && !strings.EqualFold(c.Old, c.New) || c.Name == pOnlinePort && c.Changed
	if host, ok := set[pOnlineHost]; !ok || host == notSet || !moves {
		return nil // as long as there is no place, a password is for the one to come
	}
	return []string{pOnlinePassword}
}

// secretsSet are those of the secrets that there are.
func (r *Rules) secretsSet(ctx context.Context, names []string) (set []string, err error) {
	for _, name := range names {
		switch _, err := r.Store.Secret(ctx, name); {
		case err == nil:
			set = append(set, name)
		case !errors.Is(err, store.ErrNotFound):
			return nil, err
		}
	}
	return set, nil
}

func checkSecret(name string, value []byte) error {
	if len(value) == 0 {
		return apperr.BadValue("%s is empty", name)
	}
	if name == pOnlineCertificate {
		if _, err := tls.X509KeyPair(value, value); err != nil {
			return apperr.BadValue("%s needs a PEM file with a certificate and its private key: %v", name, strings.TrimPrefix(err.Error(), "tls: "))
		}
		return nil
	}
	if len(value) > 255 || strings.ContainsFunc(string(value), unicode.IsControl) {
		return apperr.BadValue("%s is longer than 255 bytes or has control characters", name)
	}
	return nil
}

// SecretHint tells how a parameter that is secret is set.
func SecretHint(name string) string {
	if name == pOnlineCertificate {
		return "capf set " + name + " --file FILE"
	}
	return "capf set " + name + " --password-file FILE, or without it on a terminal"
}

// openSecret is nil for a secret that is not set.
func (r *Rules) openSecret(ctx context.Context, name string) ([]byte, error) {
	sealed, err := r.Store.Secret(ctx, name)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	value, err := r.Sealer.Open(name, sealed)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", name, err)
	}
	return value, nil
}

// vouchForCA makes a company's CA in capf-trust vouch for what an online CA
// needs.
const vouchForCA = "capf cert set ID --for lsc,https, or upload the CA's certificate to capf-trust"

const fipsExcludes = "an online CA is not available in FIPS mode"

// excluded says why a parameter may not have a value beside the others.
func excluded(name, value string, set map[string]string) error {
	fips, issuer := set[pFIPS] == "true", set[pIssuer] == IssuerOnline
	switch {
	case name == pIssuer && value == IssuerOnline && fips:
		return apperr.WithHint(apperr.Refused("%s cannot be %s: %s", name, value, fipsExcludes), "capf set fips_mode false, or another issuer")
	case name == pFIPS && value == "true" && issuer:
		return apperr.WithHint(apperr.Refused("%s cannot be %s: %s, and certificate_issuer is %s", name, value, fipsExcludes, IssuerOnline),
			"set certificate_issuer to capf or offline-ca first")
	case name == pOnlineTemplate && set[pOnlineType] == string(onlineca.EST):
		if err := onlineca.CheckLabel(unset(value)); err != nil {
			return apperr.BadValue("%s is the label of an EST server: %v", name, err)
		}
	case name == pOnlineType && value == string(onlineca.EST):
		if err := onlineca.CheckLabel(unset(set[pOnlineTemplate])); err != nil {
			return apperr.WithHint(apperr.Refused("%s cannot be %s, for which %s is a label: %v", name, value, pOnlineTemplate, err),
				"capf set %s LABEL, or none", pOnlineTemplate)
		}
	}
	return nil
}

// onlineUnready says why the online CA cannot be asked at all, "" when it can.
func (r *Rules) onlineUnready(ctx context.Context, s Settings) (string, error) {
	switch {
	case s.FIPS:
		return fipsExcludes, nil
	case s.Online.Host == "":
		return pOnlineHost + " is not set: there is no online CA to ask", nil
	}
	active, err := r.onlineActive(ctx)
	if err != nil {
		return "", err
	}
	if !active {
		return enrollmentInactive().Text, nil
	}
	password, err := r.secretsSet(ctx, []string{pOnlinePassword})
	if err == nil && s.Online.Username != "" && password == nil {
		return noOnlinePassword, nil
	}
	return "", err
}

const noOnlinePassword = pOnlineUsername + " is set, but no password"
