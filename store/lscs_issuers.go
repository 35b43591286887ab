package store

import (
	"context"
	"time"
)

// IssuerCount is how many LSCs of an issuer there are.
type IssuerCount struct {
	Issuer    string // its name, as in LSC.Issuer
	Installed int64  // in phones, as they have confirmed
	Possible  int64  // those, and all that may be in a phone nevertheless
}

// LSCIssuers counts the LSCs that a phone has or may have, by the names of their
// issuers. Those that have expired or been revoked do not count.
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
