package expiry

import (
	"context"
	"time"

	"capf/store"
)

// The words for what is left of the life of certificates that have ended, and of
// those that last longer than all of lives.
const (
	ended  = "expired"
	longer = "longer"
)

const oneDay = 24 * time.Hour

// lives are the words for what is left, and how much that is at most. Each counts
// what the one before it does not.
var lives = [...]struct {
	word string
	most time.Duration
}{{"1d", oneDay}, {"7d", 7 * oneDay}, {"30d", 30 * oneDay}, {"90d", 90 * oneDay}, {"365d", 365 * oneDay}}

// CountLSCs counts the LSCs in phones by what is left of their life. Every word has
// its entry.
func CountLSCs(ctx context.Context, s *store.Reader, now time.Time) (map[string]int64, error) {
	times := []time.Time{now}
	for _, l := range lives {
		times = append(times, now.Add(l.most))
	}
	counts, err := s.CountEnds(ctx, times)
	if err != nil {
		return nil, err
	}
	all := map[string]int64{ended: counts[0], longer: counts[len(counts)-1]}
	for i, l := range lives {
		all[l.word] = counts[i+1]
	}
	return all, nil
}

// CountTrusted counts the certificates in the trust stores by what is left of their
// life. Every word has its entry.
func CountTrusted(ctx context.Context, s *store.Reader, now time.Time) (map[string]int64, error) {
	all := map[string]int64{ended: 0, longer: 0}
	for _, l := range lives {
		all[l.word] = 0
	}
	trusted, err := Trusted(ctx, s)
	for _, e := range trusted {
		all[left(e.NotAfter.Sub(now))]++
	}
	return all, err
}

// left is the word for what is left.
func left(life time.Duration) string {
	if life < 0 {
		return ended
	}
	for _, l := range lives {
		if life < l.most {
			return l.word
		}
	}
	return longer
}
