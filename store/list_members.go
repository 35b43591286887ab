package store

import (
	"context"
	"fmt"
	"time"
)

// ListRole is what a certificate in a trust list is good for.
type ListRole string

// The roles that operators give to certificates.
const (
	RoleCCM       ListRole = "ccm"
	RoleTFTP      ListRole = "tftp"
	RoleCCMTFTP   ListRole = "ccm+tftp"
	RoleTVS       ListRole = "tvs"
	RoleAppServer ListRole = "app-server"
)

// ListMember is a certificate that trust lists carry because an operator has added it.
type ListMember struct {
	ID          int64
	Role        ListRole
	Fingerprint string // SHA-256 of the certificate, in hex
	Subject     string
	DNSName     string // "" if the record has none
	AddedAt     time.Time
	Certificate []byte // DER
	SealedKey   []byte // PKCS#8, sealed; nil without
}

func (m *ListMember) fields() []any {
	return []any{&m.ID, (*string)(&m.Role), &m.Fingerprint, &m.Subject, &m.DNSName, (*instant)(&m.AddedAt), &m.Certificate, &m.SealedKey}
}

const selectListMember = "SELECT id, role, fingerprint, subject, dns_name, added_at, certificate, sealed_key FROM list_members"

// ListMembers returns what operators have added to trust lists, in the order in which
// they did, which is that of the records.
func (s *Reader) ListMembers(ctx context.Context) ([]ListMember, error) {
	return collect(stream(ctx, s, "reading the members of trust lists", query{selection: selectListMember, order: "id"}, (*ListMember).fields))
}

// AddListMembers adds certificates to trust lists, all or none; ids and times are the
// store's. One that is there already with its role gets the name and the key, if it
// comes with them. It returns the rows as they stand then, and says of each what became
// of it.
func (s *Store) AddListMembers(ctx context.Context, a Actor, list []ListMember) (rows []ListMember, outcomes []TrustOutcome, err error) {
	err = s.change(ctx, func(t *tx) error {
		rows, outcomes = make([]ListMember, len(list)), make([]TrustOutcome, len(list))
		shown := false
		for i, m := range list {
			renamed, err := putListMember(t, a, m, &rows[i], &outcomes[i])
			if err != nil {
				return err
			}
			shown = shown || renamed
		}
		if !shown {
			return nil
		}
		return listsChanged(t)
	})
	return rows, outcomes, failed(err, "adding to the trust lists")
}

// putListMember says whether lists show a difference.
func putListMember(t *tx, a Actor, m ListMember, row *ListMember, outcome *TrustOutcome) (shown bool, err error) {
	const ofRow = selectListMember + " WHERE role = ? AND fingerprint = ?"
	switch err = t.row(ofRow, string(m.Role), m.Fingerprint).Scan(row.fields()...); err {
	case nil:
		return editListMember(t, a, m, row, outcome)
	case ErrNotFound:
	default:
		return false, err
	}
	*row, *outcome = m, TrustAdded
	row.AddedAt = t.now
	row.ID, err = t.insert(`INSERT INTO list_members (role, fingerprint, subject, dns_name, added_at, certificate, sealed_key)
		VALUES (?, ?, ?, ?, ?, ?, ?)`, string(m.Role), m.Fingerprint, m.Subject, m.DNSName, millis(t.now), m.Certificate, m.SealedKey)
	if err != nil {
		return false, err
	}
	detail := row.named()
	if m.SealedKey != nil {
		detail += ", with its key"
	}
	return true, t.event(a, "", EventText{Action: "trust-list-add", Detail: detail})
}

// editListMember gives a row that has just been read the name and the key of another.
func editListMember(t *tx, a Actor, m ListMember, row *ListMember, outcome *TrustOutcome) (shown bool, err error) {
	detail := row.named()
	shown = m.DNSName != "" && m.DNSName != row.DNSName
	if shown {
		detail += fmt.Sprintf("; DNS name %q", m.DNSName)
		row.DNSName = m.DNSName
	}
	if m.SealedKey != nil {
		detail += "; key set"
		row.SealedKey = m.SealedKey
	}
	*outcome = TrustSame
	if !shown && m.SealedKey == nil {
		return false, nil
	}
	*outcome = TrustChanged
	if _, err := t.exec("UPDATE list_members SET dns_name = ?, sealed_key = ? WHERE id = ?", row.DNSName, row.SealedKey, row.ID); err != nil {
		return false, err
	}
	return shown, t.event(a, "", EventText{Action: "trust-list-set", Detail: detail})
}

// named is the member in events.
func (m *ListMember) named() string { return string(m.Role) + ": " + m.Subject }

// DeleteListMembers takes certificates out of trust lists, all or none. ErrNotFound:
// there is none with one of the ids.
func (s *Store) DeleteListMembers(ctx context.Context, a Actor, ids ...int64) error {
	var at int64
	err := s.change(ctx, func(t *tx) error {
		for _, id := range unique(ids) {
			at = id
			var m ListMember
			if err := t.row("DELETE FROM list_members WHERE id = ? RETURNING role, subject", id).Scan((*string)(&m.Role), &m.Subject); err != nil {
				return err
			}
			if err := t.event(a, "", EventText{Action: "trust-list-delete", Detail: m.named()}); err != nil {
				return err
			}
		}
		return listsChanged(t)
	})
	return failed(err, "deleting member %d of the trust lists", at)
}
