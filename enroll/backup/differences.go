package backup

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"capf/crypto"
	"capf/enroll/authority"
	"capf/enroll/lists"
	"capf/enroll/settings"
	"capf/store"
)

// Difference is an important difference between two databases.
type Difference struct{ What, Old, New string } // "" when it is absent

func (d Difference) String() string {
	switch {
	case d.Old == "":
		return fmt.Sprintf("%s: %s is new", d.What, d.New)
	case d.New == "":
		return fmt.Sprintf("%s: %s goes", d.What, d.Old)
	}
	return fmt.Sprintf("%s: %s becomes %s", d.What, d.Old, d.New)
}

// Differences lists what makes the second database behave differently from the
// first: parameters, which include the issuer, addresses and the program to run, the
// CAPF and TVS certificates, the trust stores, and what trust lists are made of. When the
// first is nil, it lists what differs from the defaults.
func Differences(ctx context.Context, old, next *store.Reader) ([]Difference, error) {
	was, err := compared(ctx, old)
	if err != nil {
		return nil, err
	}
	is, err := compared(ctx, next)
	if err != nil {
		return nil, err
	}
	var all []Difference
	keys := slices.Concat(slices.Collect(maps.Keys(was)), slices.Collect(maps.Keys(is)))
	slices.Sort(keys)
	for _, key := range slices.Compact(keys) {
		if was[key] != is[key] {
			what, _, _ := strings.Cut(key, "\x00")
			all = append(all, Difference{what, was[key], is[key]})
		}
	}
	return all, nil
}

// compared returns what Differences compares. The part of a key after a NUL only tells
// facts of the same kind apart.
func compared(ctx context.Context, s *store.Reader) (map[string]string, error) {
	facts := map[string]string{}
	for _, p := range settings.Parameters() {
		if !p.Secret {
			facts["parameter "+p.Name] = p.Default
		}
	}
	if s == nil {
		return facts, nil
	}
	set, err := s.Parameters(ctx)
	if err != nil {
		return nil, err
	}
	for name, value := range set {
		facts["parameter "+name] = value
	}
	if c, err := authority.Certificate(ctx, s); err == nil {
		facts["CAPF certificate"] = fmt.Sprintf("%s, SHA-256 %s", c.Subject, crypto.Fingerprint(c))
	}
	if c, err := s.TVSCertificate(ctx); err == nil {
		facts["TVS certificate"] = fmt.Sprintf("SHA-256 %x", crypto.RawFingerprint(c.Certificate))
	}
	if p, c, err := authority.PreparedNow(ctx, s); err == nil && p != nil {
		facts["prepared CAPF certificate"] = fmt.Sprintf("%s, SHA-256 %s, to be shown %s", c.Subject, crypto.Fingerprint(c), p.When())
	}
	if err := listFacts(ctx, s, facts); err != nil {
		return nil, err
	}
	rows, err := s.Trust(ctx, "")
	for _, row := range rows {
		text := fmt.Sprintf("%q, SHA-256 %x", row.Subject, row.Fingerprint)
		if row.Purpose == store.CAPFTrust {
			text += ", for " + row.For.String()
		}
		facts[fmt.Sprintf("%s\x00%x", row.Purpose, row.Fingerprint)] = text
	}
	return facts, err
}

// listFacts are about trust lists: phones refuse those of another signer.
func listFacts(ctx context.Context, s *store.Reader, facts map[string]string) error {
	st, err := lists.Stand(ctx, s)
	switch {
	case err == nil:
		facts["signer of trust lists"] = sastFact(st.Signer)
		if st.Spare != nil {
			facts["spare of trust lists"] = sastFact(*st.Spare)
		}
		if !st.DueAt.IsZero() {
			facts["rotation of trust lists"] = "the spare signs from " + st.DueAt.UTC().Format(time.RFC3339) + " on"
		}
	case !errors.Is(err, lists.ErrNone):
		return err
	}
	members, err := s.ListMembers(ctx)
	for _, m := range members {
		facts[fmt.Sprintf("trust list\x00%s %s", m.Role, m.Fingerprint)] = fmt.Sprintf("%q as %s, SHA-256 %s", m.Subject, m.Role, m.Fingerprint)
	}
	return err
}

func sastFact(k lists.SAST) string {
	return fmt.Sprintf("%s, SHA-256 %s", k.Certificate.Subject, k.Fingerprint)
}
