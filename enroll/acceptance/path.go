package acceptance

import (
	"bytes"
	"context"
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"capf/crypto"
	"capf/store"
)

// Path returns a path from a certificate to capf-trust through the
// intermediates between, which need not be trusted. A certificate that is not
// valid yet, because the CA's clock is ahead, is checked as of the beginning
// of its validity.
func (r Rule) Path(leaf *x509.Certificate, between []*x509.Certificate) ([]*x509.Certificate, error) {
	now := r.Now
	if ahead := leaf.NotBefore.Sub(now); ahead > 0 && ahead <= r.ahead() {
		now = leaf.NotBefore
	}
	return lastingPath(leaf, r.Trusted, between, now)
}

// lastingPath returns a path to capf-trust, if possible through an issuer that
// does not expire before the leaf: a CA that was renewed with the same key has
// a certificate that does and one that does not.
func lastingPath(leaf *x509.Certificate, trusted, between []*x509.Certificate, now time.Time) ([]*x509.Certificate, error) {
	ends := func(c *x509.Certificate) bool {
		return bytes.Equal(c.RawSubject, leaf.RawIssuer) && leaf.NotAfter.After(c.NotAfter)
	}
	lasting := func(all []*x509.Certificate) []*x509.Certificate { return slices.DeleteFunc(slices.Clone(all), ends) }
	path, err := crypto.VerifyPath(leaf, lasting(trusted), lasting(between), now, crypto.PathOptions{})
	if err == nil {
		return path, nil
	}
	return crypto.VerifyPath(leaf, trusted, between, now, crypto.PathOptions{})
}

// OnlineIssuers returns the certificates that the online CA has sent along
// with LSCs. They are not trusted: they only help to find a path to
// capf-trust.
func OnlineIssuers(ctx context.Context, s *store.Reader) ([]*x509.Certificate, error) {
	ders, err := s.OnlineIssuers(ctx)
	if err != nil {
		return nil, err
	}
	var all []*x509.Certificate
	for _, der := range ders {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("reading an issuer: %w", err)
		}
		all = append(all, c)
	}
	return all, nil
}
