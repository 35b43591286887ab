package directory

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"capf/internal/apperr"
)

// explain says what an operator can do about an error of the directory.
func (d Directory) explain(err error, format string, args ...any) error {
	doing := fmt.Sprintf(format, args...)
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var network net.Error // context.DeadlineExceeded is one too
	say := func(hint, text string) error {
		return apperr.WithHint(apperr.New(err, "%s: %s", doing, text), "%s", hint)
	}
	switch {
	case errors.As(err, &unknown):
		return say("--ca-file names the certificate of its CA", "its certificate comes from a CA that is not known")
	case errors.As(err, &host):
		return say(otherName(host))
	case errors.As(err, &invalid):
		return say("", "its certificate is not valid: "+invalid.Error())
	case ldap.IsErrorWithCode(err, ldap.LDAPResultInvalidCredentials):
		return say(refusedBind(err))
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

// otherName explains a certificate that is not for the host.
func otherName(e x509.HostnameError) (hint, text string) {
	c := e.Certificate
	names := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	switch {
	case len(names) > 0:
		return "--url has to have a name that is in it", fmt.Sprintf("its certificate is not for %q, but for %s", e.Host, strings.Join(names[:min(5, len(names))], ", "))
	case strings.EqualFold(c.Subject.CommonName, e.Host):
		return "it needs one whose subject alternative names have the name",
			fmt.Sprintf("its certificate has %q as common name only, which does not count as the name of a server (RFC 6125)", e.Host)
	}
	return "--url has to have a name that is in it", fmt.Sprintf("its certificate is not for %q; it names no server in its subject alternative names", e.Host)
}

// adReasons maps the codes by which Active Directory says why it refuses a
// bind: Windows system error codes in hexadecimal.
var adReasons = map[string]struct{ text, hint string }{
	"525": {"the directory knows no such user", "--bind-dn says who binds"},
	"52e": {"the directory refuses the name or the password", "--bind-dn and --password-file say who binds"},
	"530": {"the account may not log on at this time", "its logon hours are for the administrator of the directory to set"},
	"531": {"the account may not log on from this host", "its workstations are for the administrator of the directory to set"},
	"532": {"the password of the account has expired", "it needs a new one, which --password-file gives to capf"},
	"533": {"the account is disabled", "the administrator of the directory enables it"},
	"701": {"the account has expired", "the administrator of the directory prolongs it"},
	"773": {"the password of the account must be changed before its first use", "it needs a new one, which --password-file gives to capf"},
	"775": {"the account is locked", "the administrator of the directory unlocks it; look for who sends a wrong password first"},
}

// refusedBind explains result code 49. Directories other than Active Directory
// do not say more, so that names cannot be guessed.
func refusedBind(err error) (hint, text string) {
	_, rest, found := strings.Cut(err.Error(), "AcceptSecurityContext error, data ")
	code := strings.ToLower(rest[:len(rest)-len(strings.TrimLeft(rest, "0123456789abcdefABCDEF"))])
	reason, known := adReasons[code]
	if !known {
		reason = adReasons["52e"]
	}
	if found && code != "" {
		reason.text += fmt.Sprintf(" (data %s)", code)
	}
	return reason.hint, reason.text
}

// isTimeout also checks the text, since the library keeps only the text of
// a failed read.
func isTimeout(err error) bool {
	return ldap.IsErrorWithCode(err, ldap.LDAPResultTimeLimitExceeded) || errors.Is(err, os.ErrDeadlineExceeded) ||
		strings.Contains(err.Error(), "timed out") || strings.Contains(err.Error(), "i/o timeout")
}

// ldapText returns an error of the LDAP library without its prefix.
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
