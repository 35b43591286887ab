package store

import (
	"context"
	"time"
)

// IssuerCount counts the LSCs of an issuer.
type IssuerCount struct {
	Issuer    string // its name, as in LSC.Issuer
	Installed int64  // in phones, as they have confirmed
	Possible  int64  // those, and all others that may still be in a phone
}

// LSCIssuers counts the LSCs that phones have or may have, by the names of their
// issuers, without expired and revoked ones.
func (s *Reader) LSCIssuers(ctx context.Context) ([]IssuerCount, error) {
	q := issuersQuery(s.options.Now())
	return collect(stream(ctx, s, "counting the LSCs of issuers", q, func(c *IssuerCount) []any {
		return []any{&c.Issuer, &c.Installed, &c.Possible}
	}))
}

// issuersQuery is answered from the index lscs_issuer alone.
func issuersQuery(now time.Time) query {
	return query{selection: `SELECT issuer, sum(state = 'installed'), count(*) FROM lscs
		WHERE state IN ('installed', 'issued', 'stale', 'discarded') AND not_after > ? GROUP BY issuer`, args: []any{millis(now)}}
}
