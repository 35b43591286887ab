package approval

import (
	"context"
	stdcrypto "crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"

	"capf/crypto"
	"capf/enroll/lists"
	"capf/enroll/settings"
	"capf/internal/apperr"
	"capf/store"
)

const (
	addMemberAction    = "trust-list add"
	deleteMemberAction = "trust-list delete"
)

// memberAddition puts a certificate into trust lists.
type memberAddition struct {
	Certificate []byte // DER
	Roles       []store.ListRole
	DNSName     string
	Sealed      []byte // the key, PKCS#8; nil without
	Mark        string // by which the same key is known again

	member lists.NewMember
	added  []lists.Added
}

// AddMember is lists.Members.Add. While it waits, the key is sealed under the master key.
func (l Lists) AddMember(ctx context.Context, n lists.NewMember) ([]lists.Added, error) {
	op := &memberAddition{Certificate: n.Certificate.Raw, Roles: n.Roles, DNSName: n.DNSName, member: n}
	if n.Key != nil {
		sealer, err := l.desk.Keys(ctx)
		if err != nil {
			return nil, err
		}
		der, err := crypto.MarshalPrivateKey(n.Key)
		if err != nil {
			return nil, err
		}
		defer clear(der)
		if op.Sealed, op.Mark, err = sealedFor(sealer, op.keyName(), der); err != nil {
			return nil, err
		}
	}
	err := l.desk.take(ctx, op)
	if errors.Is(err, apperr.ErrWaits) { // nothing has become of it yet
		return nil, err
	}
	return op.added, err
}

func (*memberAddition) action() string     { return addMemberAction }
func (*memberAddition) subjects() []string { return []string{settings.ListSubject} }

// keyName binds the sealed key to its certificate.
func (o *memberAddition) keyName() string {
	return fmt.Sprintf("the key of %x", crypto.RawFingerprint(o.Certificate))
}

// mark is what does not change when the key is sealed anew.
func (o *memberAddition) mark() any { return []any{o.Certificate, o.Roles, o.DNSName, o.Mark} }

func (o *memberAddition) carryOut(ctx context.Context, d Desk) (effects []string, err error) {
	members := lists.Members{Store: d.Store, Now: d.Now}
	if o.Sealed != nil {
		if members.Sealer, err = d.Keys(ctx); err != nil {
			return nil, err
		}
	}
	if o.member.Certificate == nil {
		if o.member, err = o.read(members.Sealer); err != nil {
			return nil, err
		}
	}
	if o.added, err = members.Add(ctx, d.Actor, o.member); err != nil {
		return nil, err
	}
	for _, a := range o.added {
		text := describedMember(a.ListMember)
		if o.Sealed != nil && a.SealedKey != nil {
			text += ", with its key"
		}
		switch a.Outcome {
		case store.TrustAdded:
			effects = append(effects, "+ "+text)
		case store.TrustChanged:
			effects = append(effects, "~ "+text)
		}
	}
	return effects, nil
}

// read is what a proposal was made of.
func (o *memberAddition) read(sealer *crypto.Sealer) (n lists.NewMember, err error) {
	n.Roles, n.DNSName = o.Roles, o.DNSName
	if n.Certificate, err = x509.ParseCertificate(o.Certificate); err != nil || o.Sealed == nil {
		return n, err
	}
	der, err := openedFrom(sealer, o.keyName(), o.Sealed)
	if err != nil {
		return n, err
	}
	defer clear(der)
	var key stdcrypto.Signer
	key, err = crypto.ParsePrivateKey(der)
	n.Key = key
	return n, err
}

// describedMember is a certificate in trust lists, for the one who approves.
func describedMember(m store.ListMember) string {
	text := fmt.Sprintf("%s: %s, SHA-256 %s", m.Role, m.Subject, m.Fingerprint)
	if m.DNSName != "" {
		text += ", " + m.DNSName
	}
	return text
}

// memberKey tells a member from others, which its id does not for long.
type memberKey struct {
	Role        store.ListRole
	Fingerprint string
}

// memberDeletion takes certificates out of trust lists.
type memberDeletion struct{ Rows []memberKey }

// DeleteMembers is lists.Members.Delete.
func (l Lists) DeleteMembers(ctx context.Context, members []store.ListMember) error {
	op := &memberDeletion{}
	for _, m := range members {
		op.Rows = append(op.Rows, memberKey{m.Role, m.Fingerprint})
	}
	return l.desk.take(ctx, op)
}

func (*memberDeletion) action() string     { return deleteMemberAction }
func (*memberDeletion) subjects() []string { return []string{settings.ListSubject} }

// members finds the rows again.
func (o *memberDeletion) members(ctx context.Context, d Desk) (found []store.ListMember, err error) {
	all, err := d.Store.ListMembers(ctx)
	if err != nil {
		return nil, err
	}
	for _, k := range o.Rows {
		i := slices.IndexFunc(all, func(m store.ListMember) bool { return m.Role == k.Role && m.Fingerprint == k.Fingerprint })
		if i < 0 {
			return nil, apperr.Refused("the certificate with the SHA-256 %s is not in the trust lists any more, in the role %s", k.Fingerprint, k.Role)
		}
		found = append(found, all[i])
	}
	return found, nil
}

func (o *memberDeletion) carryOut(ctx context.Context, d Desk) (effects []string, err error) {
	members, err := o.members(ctx, d)
	if err != nil {
		return nil, err
	}
	var ids []int64
	for _, m := range members {
		ids = append(ids, m.ID)
		effects = append(effects, "- "+describedMember(m))
	}
	return effects, lists.Members{Store: d.Store, Now: d.Now}.Delete(ctx, d.Actor, ids...)
}

func (o *memberDeletion) impact(ctx context.Context, d Desk) ([]string, error) {
	members, err := o.members(ctx, d)
	return lists.Lost(members), err
}
