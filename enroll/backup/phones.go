package backup

import (
	"context"
	"crypto/x509"
	"errors"
	"slices"

	"capf/enroll/authority"
	"capf/enroll/lists"
	"capf/store"
)

// Impact is what phones make of it that a database takes the place of another, and what
// can be done about it.
type Impact struct{ What, Hint string }

// OnPhones says which phones a restore would lock out: those with a list of the old
// database, when the next one signs with a key, or shows a CAPF certificate, that does not
// stand there. When the old one is nil or has no lists, nobody knows what phones hold.
func OnPhones(ctx context.Context, old, next *store.Reader) (all []Impact, err error) {
	if old == nil {
		return nil, nil
	}
	held, err := lists.Stand(ctx, old)
	if errors.Is(err, lists.ErrNone) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	signing, err := ofSigner(ctx, held, next)
	if err != nil {
		return nil, err
	}
	showing, err := ofCAPF(ctx, old, next)
	return slices.Concat(signing, showing), err
}

func ofSigner(ctx context.Context, held lists.Standing, next *store.Reader) ([]Impact, error) {
	known := func(k lists.SAST) bool {
		return slices.ContainsFunc(held.All(), func(one lists.SAST) bool { return one.Fingerprint == k.Fingerprint })
	}
	st, err := lists.Stand(ctx, next)
	switch {
	case errors.Is(err, lists.ErrNone):
		return []Impact{{"phones keep the list that they have, since the backup has no keys to sign another one",
			"import an exported key that they know before anything else: capf trust-list sast import"}}, nil
	case err != nil || known(st.Signer):
		return nil, err
	}
	hint := "before phones fetch lists, import an exported key that they know, then capf trust-list rotate"
	switch {
	case st.Spare == nil || !known(*st.Spare):
	case st.Unfinished():
		hint = "they know its second key; before they fetch lists, capf trust-list rotate --back --yes has that one sign"
	default:
		hint = "they know its spare; before they fetch lists, capf trust-list rotate --yes has that one sign"
	}
	return []Impact{{"phones that hold a list of now do not take those of the backup: its signer does not stand there", hint}}, nil
}

func ofCAPF(ctx context.Context, old, next *store.Reader) ([]Impact, error) {
	held, err := authority.Announced(ctx, old)
	if err != nil {
		return nil, err
	}
	shown, err := authority.Certificate(ctx, next)
	if err != nil || slices.ContainsFunc(held, func(c *x509.Certificate) bool { return c.Equal(shown) }) {
		return nil, err
	}
	return []Impact{{"phones that hold a list of now do not know the CAPF certificate of the backup, until they have fetched a list of it", ""}}, nil
}
