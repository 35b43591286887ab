package lists

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"time"

	"capf/crypto/keyfile"
	"capf/enroll/authority"
	"capf/enroll/trustlist"
	"capf/internal/apperr"
	"capf/store"
)

// Place is what a key is for.
type Place string

// The places of keys.
const (
	SignerPlace Place = "signer"
	SparePlace  Place = "spare"
)

// ImportPlace says as what a key comes in, where an operator has named a place or none,
// and whether it is there already. The error is apperr.ErrRefused for one that phones
// could not use, or that would lock them out.
func ImportPlace(ctx context.Context, s *store.Reader, c *x509.Certificate, wanted Place, now time.Time) (place Place, known bool, err error) {
	if err := checkSAST(c, now); err != nil {
		return "", false, err
	}
	stand, err := Stand(ctx, s)
	switch {
	case errors.Is(err, ErrNone) && wanted == SparePlace:
		return "", false, apperr.WithHint(apperr.Refused("there is no key yet that signs lists, to which this one could be the spare"), "import that first, or make it: capf trust-list init")
	case errors.Is(err, ErrNone):
		return SignerPlace, false, nil
	case err != nil:
		return "", false, err
	}
	return stand.importPlace(c, wanted)
}

// checkSAST refuses a certificate that cannot sign lists.
func checkSAST(c *x509.Certificate, now time.Time) error {
	if err := trustlist.Fit(c, trustlist.RoleSAST); err != nil {
		return apperr.Refused("%s cannot sign trust lists: %v", authority.NameOf(c), err)
	}
	switch {
	case now.After(c.NotAfter):
		return apperr.Refused("%s expired on %s", authority.NameOf(c), shown(c.NotAfter))
	case now.Before(c.NotBefore):
		return apperr.Refused("%s is not valid before %s", authority.NameOf(c), shown(c.NotBefore))
	}
	return nil
}

func (s *Standing) importPlace(c *x509.Certificate, wanted Place) (place Place, known bool, err error) {
	for i, there := range s.All() {
		is := []Place{SignerPlace, SparePlace}[i]
		same := there.Certificate.Equal(c)
		switch {
		case same && (wanted == "" || wanted == is):
			return is, true, nil
		case same && is == SparePlace:
			return "", false, apperr.WithHint(apperr.Refused("it is the spare already, and signs when the keys are rotated"), "capf trust-list rotate")
		case same:
			return "", false, apperr.Refused("it signs the lists already, and cannot be its own spare")
		case bytes.Equal(there.Certificate.RawSubjectPublicKeyInfo, c.RawSubjectPublicKeyInfo):
			return "", false, apperr.Refused("it has the same key as the %s, with another certificate", is)
		case bytes.Equal(there.Certificate.RawIssuer, c.RawIssuer) && there.Certificate.SerialNumber.Cmp(c.SerialNumber) == 0:
			return "", false, apperr.Refused("it has the issuer and the serial number of the %s, by which phones tell signers apart", is)
		}
	}
	switch {
	case wanted == SignerPlace:
		return "", false, apperr.WithHint(apperr.Refused("phones that hold a list of SHA-256 %s would refuse one that another key signs", s.Signer.Fingerprint),
			"import it with --as spare, so that lists carry it; later capf trust-list rotate has it sign")
	case !s.DueAt.IsZero():
		return "", false, apperr.WithHint(apperr.Refused("the present spare is to sign from %s on, and phones know that one", shown(s.DueAt)), "capf trust-list rotate --cancel, if this one is to sign in its place")
	}
	return SparePlace, false, nil
}

// Import brings a key in, at the place that ImportPlace says. The spare that it replaces
// is forgotten.
func (s Signing) Import(ctx context.Context, actor store.Actor, p keyfile.Pair, wanted Place) (place Place, known bool, err error) {
	place, known, err = ImportPlace(ctx, s.Store.Reader, p.Certificate, wanted, s.Now())
	if err != nil || known {
		return place, known, err
	}
	k, err := s.seal(p)
	if err != nil {
		return place, false, err
	}
	k.CopiedAt = s.Now() // that which was imported
	if place == SignerPlace {
		return place, false, s.Store.BeginLists(ctx, actor, k, nil)
	}
	there, err := signing(ctx, s.Store.Reader)
	if err != nil {
		return place, false, err
	}
	return place, false, s.Store.SetListSpare(ctx, actor, there, k, store.ListPlan{})
}
