package lists

import (
	"bytes"
	"context"
	stdcrypto "crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"math"
	"net"
	"slices"
	"strings"
	"time"

	"capf/crypto"
	"capf/enroll/secrets"
	"capf/enroll/settings"
	"capf/enroll/trustlist"
	"capf/internal/apperr"
	"capf/internal/input"
	"capf/store"
)

// Members puts certificates into trust lists and takes them out.
type Members struct {
	Store  *store.Store
	Now    func() time.Time
	Sealer *crypto.Sealer // for a certificate with its key; nil otherwise
}

// NewMember is a certificate for trust lists.
type NewMember struct {
	Certificate *x509.Certificate
	Roles       []store.ListRole
	DNSName     string           // "" for none
	Key         stdcrypto.Signer // with which files are signed; nil for none
}

// Added is what became of a certificate in one role.
type Added struct {
	store.ListMember
	Outcome store.TrustOutcome
}

// Own is the certificate of a file which is a server's own: the one that has issued none
// of the others. The error is apperr.ErrRefused where that is not one.
func Own(certificates []*x509.Certificate) (own *x509.Certificate, err error) {
	var found []*x509.Certificate
	for _, c := range certificates {
		above := func(other *x509.Certificate) bool { return !other.Equal(c) && crypto.Issued(c, other) }
		if !slices.ContainsFunc(certificates, above) && !slices.ContainsFunc(found, c.Equal) {
			found = append(found, c)
		}
	}
	if len(found) != 1 {
		return nil, apperr.WithHint(apperr.Refused("it holds %d certificates, of which none issued the others", len(found)), "phones need the server's own: put that alone into a file")
	}
	return found[0], nil
}

// ParseRole reads the role that an operator gives to a certificate. Those that capf gives
// itself are refused, with the command that does it.
func ParseRole(word string) (store.ListRole, error) {
	role, err := trustlist.ParseRole(word)
	switch {
	case err != nil:
		return "", apperr.BadValue("%q is no role: %s", word, strings.Join(MemberRoles(), ", "))
	case role == trustlist.RoleSAST:
		return "", apperr.WithHint(apperr.BadValue("the role sast is for the keys that sign lists, and capf sees to them"),
			"capf trust-list init, trust-list sast import and trust-list rotate do that")
	case role == trustlist.RoleCAPF:
		return "", apperr.WithHint(apperr.BadValue("lists carry the CAPF certificate by themselves, with the role capf"),
			"capf cert regenerate capf makes a new one, cert upload --purpose capf takes one that a CA has signed")
	}
	return store.ListRole(role.String()), nil
}

// MemberRoles are the roles that operators give.
func MemberRoles() []string {
	return []string{string(store.RoleCCM), string(store.RoleTFTP), string(store.RoleCCMTFTP), string(store.RoleTVS), string(store.RoleAppServer)}
}

// Add puts a certificate into lists, in all its roles or none. One that is there takes the
// DNS name and the key. The error is apperr.ErrRefused for what phones could not use.
func (m Members) Add(ctx context.Context, actor store.Actor, n NewMember) (added []Added, err error) {
	entries, err := Contents(ctx, m.Store.Reader)
	if err != nil {
		return nil, err
	}
	if err := n.check(entries, m.Now()); err != nil {
		return nil, err
	}
	var rows []store.ListMember
	for _, role := range n.Roles {
		row := store.ListMember{
			Role: role, Fingerprint: crypto.Fingerprint(n.Certificate), Subject: trustlist.Name(n.Certificate.RawSubject),
			DNSName: n.DNSName, Certificate: n.Certificate.Raw,
		}
		if n.Key != nil && signsFiles(role) {
			if row.SealedKey, err = m.sealed(entries, row, n.Key); err != nil {
				return nil, err
			}
		}
		rows = append(rows, row)
	}
	kept, outcomes, err := m.Store.AddListMembers(ctx, actor, rows)
	if err != nil {
		return nil, err
	}
	for i, row := range kept {
		added = append(added, Added{row, outcomes[i]})
	}
	return added, nil
}

// sealed is the key of a row; nil when the row that is there has it already.
func (m Members) sealed(entries []Entry, row store.ListMember, key stdcrypto.Signer) ([]byte, error) {
	for _, e := range entries {
		if e.Member == nil || e.Member.Role != row.Role || e.Member.Fingerprint != row.Fingerprint {
			continue
		}
		// One that does not open, as under another master key, is replaced.
		if had, err := secrets.MemberKey(m.Sealer, *e.Member); err == nil && had != nil && crypto.SameKey(had.Public(), key.Public()) {
			return nil, nil
		}
	}
	return secrets.SealMemberKey(m.Sealer, row.Fingerprint, key)
}

// signsFiles says whether phones ask for files that are signed with a certificate in that
// role.
func signsFiles(role store.ListRole) bool { return role == store.RoleTFTP || role == store.RoleCCMTFTP }

// SignsFiles says whether phones with the next list ask for signed files because of the
// certificate.
func (n NewMember) SignsFiles() bool { return slices.ContainsFunc(n.Roles, signsFiles) }

// check refuses what phones could not use.
func (n NewMember) check(entries []Entry, now time.Time) error {
	name := crypto.DisplayName(n.Certificate)
	if n.DNSName != "" && !input.IsHostName(n.DNSName) && net.ParseIP(n.DNSName) == nil {
		return apperr.BadValue("%q is no host name or address", n.DNSName)
	}
	for _, word := range n.Roles {
		role, err := trustlist.ParseRole(string(word))
		if err != nil {
			return err
		}
		if err := trustlist.Fit(n.Certificate, role); err != nil {
			return apperr.Refused("%s: %v", name, err)
		}
	}
	if now.After(n.Certificate.NotAfter) {
		return apperr.Refused("%s: it expired on %s", name, n.Certificate.NotAfter.UTC().Format(time.DateOnly))
	}
	if err := n.checkKey(name); err != nil {
		return err
	}
	if err := n.checkNumber(entries, name); err != nil {
		return err
	}
	return n.checkSize(entries)
}

// checkKey refuses a key with which no phone takes a signature.
func (n NewMember) checkKey(name string) error {
	if n.Key == nil {
		return nil
	}
	if !n.SignsFiles() {
		return apperr.BadValue("a key goes with the role tftp or ccm+tftp: no other one signs files")
	}
	if !crypto.SameKey(n.Key.Public(), n.Certificate.PublicKey) {
		return apperr.Refused("%s: the key is not that of the certificate", name)
	}
	if err := trustlist.CheckSigner(n.Certificate.PublicKey); err != nil {
		return apperr.Refused("%s: its key cannot sign files: %v", name, err)
	}
	return nil
}

// checkNumber refuses a certificate that phones would take for another one in the list:
// they tell them by issuer and serial number.
func (n NewMember) checkNumber(entries []Entry, name string) error {
	for _, e := range entries {
		c := e.Certificate
		if c.SerialNumber.Cmp(n.Certificate.SerialNumber) == 0 && bytes.Equal(c.RawIssuer, n.Certificate.RawIssuer) && !c.Equal(n.Certificate) {
			return apperr.Refused("%s: the list has another certificate of the same issuer with the same serial number, in the role %s; phones would take one for the other", name, e.Role)
		}
	}
	return nil
}

// headerRoom is more than the header of a list takes, in bytes.
const headerRoom = 8 << 10

// checkSize refuses a record that is one too many.
func (n NewMember) checkSize(entries []Entry) error {
	size := headerRoom
	for _, word := range n.Roles {
		role, _ := trustlist.ParseRole(string(word)) // check has read it
		e := Entry{Role: role, Certificate: n.Certificate, Member: &store.ListMember{DNSName: n.DNSName}}
		if !carries(entries, e) {
			entries = append(entries, e)
		}
	}
	for _, e := range entries {
		record := recordSize(e.record())
		if record > math.MaxUint16 {
			return apperr.Refused("its record would have more than the %d bytes that a list can say", math.MaxUint16)
		}
		size += record
	}
	if size > trustlist.MaxFile {
		return apperr.Refused("the list would have more than the %d bytes that phones take", trustlist.MaxFile)
	}
	return nil
}

// recordSize is at least what a record takes, in bytes.
func recordSize(r trustlist.Record) int {
	const elements = 10 // with 3 bytes before each, and 2 for the role
	size := elements*3 + 2
	for _, text := range []string{r.DNSName, r.Subject, r.Issuer} {
		size += len(text) + 1
	}
	for _, value := range [][]byte{r.Serial, r.PublicKey, r.Signature, r.DER, r.Address} {
		size += len(value)
	}
	return size
}

// Advice is what an operator should know of a certificate that goes into lists.
func (n NewMember) Advice(ctx context.Context, s *store.Reader, now time.Time) (warnings []string, err error) {
	set, err := settings.Read(ctx, s)
	if err != nil {
		return nil, err
	}
	c := n.Certificate
	switch {
	case now.Before(c.NotBefore):
		warnings = append(warnings, fmt.Sprintf("it is not valid before %s", c.NotBefore.UTC().Format(time.DateOnly)))
	case c.NotAfter.Before(now.Add(set.ExpiryWarning)):
		warnings = append(warnings, fmt.Sprintf("it expires on %s", c.NotAfter.UTC().Format(time.DateOnly)))
	}
	if !n.SignsFiles() {
		return warnings, nil
	}
	if trustlist.CheckSigner(c.PublicKey) != nil {
		if set.ListSignerVersion == trustlist.SignerVersion10.String() && c.PublicKeyAlgorithm == x509.ECDSA {
			warnings = append(warnings, "phones use it for HTTPS on port 6971 only with signer version 1.1: set trust_list_signer_version 1.1")
		}
		return warnings, nil
	}
	if n.Key == nil {
		_, err := fileSigner(ctx, s)
		switch {
		case err == nil:
		case errors.Is(err, ErrNoFileSigner):
			warnings = append(warnings, "capf has no key to sign files with: sign them elsewhere, or add it again with --key")
		default:
			return nil, err
		}
	}
	return warnings, nil
}

// Delete takes members out of lists, all or none.
func (m Members) Delete(ctx context.Context, actor store.Actor, ids ...int64) error {
	return m.Store.DeleteListMembers(ctx, actor, ids...)
}

// Lost is what phones cannot do any more once the members are gone, a line for each
// thing.
func Lost(members []store.ListMember) (lost []string) {
	for _, m := range members {
		var what string
		switch m.Role {
		case store.RoleCCM:
			what = "register over TLS with a server that shows it"
		case store.RoleTFTP:
			what = "take files that are signed with it, nor HTTPS on port 6971"
		case store.RoleCCMTFTP:
			what = "register over TLS with a server that shows it, nor take files that are signed with it"
		case store.RoleTVS:
			what = "ask the TVS that shows it"
		case store.RoleAppServer:
			what = "reach services over HTTPS on a server that shows it"
		}
		lost = append(lost, fmt.Sprintf("phones that get the next list cannot %s: %s", what, m.Subject))
	}
	return lost
}
