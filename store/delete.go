package store

import (
	"context"
	"fmt"
	"time"

	"capf/internal/plural"
)

// portion is how many rows are deleted in one transaction: phones wait for
// it, and each deleted row means several changed pages.
const portion = 5000

// recordRetention writes the event of a portion.
func recordRetention(t *tx, a Actor, action string, n int64, thing string, before time.Time, err error) error {
	if err != nil || n == 0 {
		return err
	}
	return t.event(a, "", EventText{Action: action, Detail: fmt.Sprintf("%s from before %s", plural.Of(n, thing), before.UTC().Format(time.RFC3339))})
}

// inPortions repeats a change until it finds less than a portion. A rehearsal
// runs once, since it would find the same portion again.
func (s *Store) inPortions(ctx context.Context, work func(*tx) (int64, error)) (total int64, err error) {
	for {
		var n int64
		err := s.change(ctx, func(t *tx) (err error) {
			n, err = work(t)
			return err
		})
		if err != nil {
			return total, err
		}
		if total += n; n < portion || s.rehearsing {
			return total, nil
		}
	}
}

// unique returns the values in their order without repetitions; nil for
// nil.
func unique[T comparable](values []T) []T {
	kept, seen := values[:0:0], map[T]bool{}
	for _, v := range values {
		if !seen[v] {
			seen[v], kept = true, append(kept, v)
		}
	}
	return kept
}

// recordAllDeleted writes the event of a deletion of everything.
func recordAllDeleted(t *tx, a Actor, action string, n int64, thing string, err error) error {
	if err != nil || n == 0 {
		return err
	}
	return t.event(a, "", EventText{Action: action, Detail: plural.Of(n, thing) + ", all there were"})
}
