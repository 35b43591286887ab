package expiry

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"

	"capf/enroll/lists"
	"capf/store"
)

// OfLists returns the certificates of the keys that sign trust lists, and those that
// operators have added to the lists; nothing when there are none.
func OfLists(ctx context.Context, s *store.Reader) ([]Ending, error) {
	var all []Ending
	st, err := lists.Stand(ctx, s)
	switch {
	case err == nil:
		for _, k := range st.All() {
			all = append(all, ending(SAST, k.Certificate))
		}
	case !errors.Is(err, lists.ErrNone):
		return nil, err
	}
	members, err := s.ListMembers(ctx)
	if err != nil {
		return nil, err
	}
	for _, m := range members {
		c, err := x509.ParseCertificate(m.Certificate)
		if err != nil {
			return nil, fmt.Errorf("reading member %d of the trust lists: %w", m.ID, err)
		}
		all = append(all, ending(Member, c))
	}
	return all, nil
}
