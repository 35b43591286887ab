package commands

import (
	"context"
	"crypto/x509"
	"errors"

	"capf/enroll/authority"
	"capf/enroll/settings"
	"capf/store"
)

// tellStrangersToLists says which phones have to be touched after a CAPF certificate was
// given up, on account of the trust lists that they have stored. Those cannot be recalled:
// until a phone fetches the next one, it trusts the old certificate and does not know the
// new one, for which only TVS can vouch. The next list is signed by a key that phones know,
// so that none has to be reset.
func tellStrangersToLists(ctx context.Context, env *Env, s *store.Reader, c authority.Compromise, next *x509.Certificate) error {
	if is, err := s.ListsExist(ctx); err != nil || !is {
		return err
	}
	known := "no phone that has a trust list knows the new certificate yet"
	if c.Prepared != nil && c.Prepared.Equal(next) {
		known = "phones that have fetched no trust list since the new certificate was prepared do not know it yet"
	}
	env.say("trust lists and TVS no longer name the old certificate; %s", known)
	tvs, err := findService(ctx, s, settings.ServiceTVS)
	switch {
	case errors.Is(err, store.ErrNotFound), err == nil && !tvs.Active:
		env.say("TVS is not active, so those phones cannot enrol until they boot and fetch the new list; capf service activate tvs helps those whose list names TVS")
	case err != nil:
		return err
	default:
		env.say("TVS vouches for it meanwhile, to phones whose list names TVS")
	}
	env.say("restart all phones: each one trusts the old certificate until it boots and fetches the new list; none has to be reset as long as the SAST key is safe")
	env.say("if the master key may be known too, so are the keys that sign trust lists: then every phone has to be reset by hand, as docs/trust-lists.md says")
	return nil
}
