package lists

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"

	"capf/enroll/authority"
	"capf/enroll/trustlist"
	"capf/store"
)

// Entry is a certificate that lists carry, in one role.
type Entry struct {
	Role        trustlist.Role
	Certificate *x509.Certificate
	Why         string            // it stands there
	Member      *store.ListMember // that an operator has added; nil for what capf adds itself
}

// record is the entry as lists have it.
func (e Entry) record() trustlist.Record {
	r := trustlist.NewRecord(e.Certificate, e.Role)
	if e.Member != nil {
		r.DNSName = e.Member.DNSName
	}
	return r
}

// Contents is what the next list carries, in its order: SAST and spare, the CAPF
// certificates, TVS, then what operators have added. What there is not yet is left out.
func Contents(ctx context.Context, s *store.Reader) (entries []Entry, err error) {
	for _, part := range []func(context.Context, *store.Reader) ([]Entry, error){sastEntries, capfEntries, tvsEntries, memberEntries} {
		some, err := part(ctx, s)
		if err != nil {
			return nil, err
		}
		for _, e := range some {
			if !carries(entries, e) {
				entries = append(entries, e)
			}
		}
	}
	return entries, nil
}

// carries says whether a certificate stands there in that role already.
func carries(entries []Entry, one Entry) bool {
	for _, e := range entries {
		if e.Role == one.Role && e.Certificate.Equal(one.Certificate) {
			return true
		}
	}
	return false
}

func sastEntries(ctx context.Context, s *store.Reader) ([]Entry, error) {
	st, err := Stand(ctx, s)
	if errors.Is(err, ErrNone) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	entries := []Entry{{trustlist.RoleSAST, st.Signer.Certificate, "signs the lists", nil}}
	if st.Spare == nil {
		return entries, nil
	}
	why := "spare"
	switch {
	case !st.DueAt.IsZero():
		why = "spare: signs the lists from " + shown(st.DueAt) + " on"
	case st.Unfinished():
		why = "signed the lists until " + shown(st.Spare.CeasedAt)
	}
	return append(entries, Entry{trustlist.RoleSAST, st.Spare.Certificate, why, nil}), nil
}

func capfEntries(ctx context.Context, s *store.Reader) (entries []Entry, err error) {
	announced, err := authority.Announced(ctx, s)
	if err != nil {
		return nil, err
	}
	later := "prepared: serve will show it"
	if p, err := s.Prepared(ctx); err == nil && !p.ShownAfter.IsZero() {
		later = "prepared: serve shows it from " + shown(p.ShownAfter) + " on"
	}
	for i, c := range announced {
		why := "shown by serve"
		if i > 0 {
			why = later
		}
		entries = append(entries, Entry{trustlist.RoleCAPF, c, why, nil})
	}
	return entries, nil
}

func tvsEntries(ctx context.Context, s *store.Reader) ([]Entry, error) {
	tvs, err := s.TVSCertificate(ctx)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	c, err := x509.ParseCertificate(tvs.Certificate)
	if err != nil {
		return nil, fmt.Errorf("reading the certificate of TVS: %w", err)
	}
	return []Entry{{trustlist.RoleTVS, c, "service tvs", nil}}, nil
}

func memberEntries(ctx context.Context, s *store.Reader) (entries []Entry, err error) {
	members, err := s.ListMembers(ctx)
	if err != nil {
		return nil, err
	}
	for _, m := range members {
		e, err := entryOf(m)
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}

func entryOf(m store.ListMember) (Entry, error) {
	role, err := trustlist.ParseRole(string(m.Role))
	if err != nil {
		return Entry{}, err
	}
	c, err := x509.ParseCertificate(m.Certificate)
	if err != nil {
		return Entry{}, fmt.Errorf("reading member %d of the trust lists: %w", m.ID, err)
	}
	return Entry{role, c, "added", &m}, nil
}
