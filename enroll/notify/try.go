package notify

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"capf/internal/apperr"
	"capf/store"
)

// ErrNoAnswer says that no serve has run the program in time.
var ErrNoAnswer = errors.New("no serve has run notify_command")

// Try has a running serve run the program with a test, and waits for what comes of it.
// The error is ErrNoAnswer, or says why the program has failed.
func Try(ctx context.Context, s *store.Store, a store.Actor, wait time.Duration) error {
	n := store.Notice{Object: rand.Text(), Severity: "warning", Text: "this is a test of notify_command", Hint: "nothing is to be done"}
	if err := s.AddTestNotice(ctx, a, n); err != nil {
		return err
	}
	err := awaitTest(ctx, s.Reader, n.Object, wait)
	return errors.Join(err, s.RemoveTestNotice(context.WithoutCancel(ctx), n.Object))
}

func awaitTest(ctx context.Context, s *store.Reader, object string, wait time.Duration) error {
	for deadline := time.Now().Add(wait); time.Now().Before(deadline); {
		all, err := s.Notices(ctx)
		if err != nil {
			return err
		}
		for _, n := range all {
			switch {
			case n.Kind != store.TestNotice || n.Object != object:
			case n.Attempts > 0:
				return apperr.WithHint(errors.New("notify_command has failed: "+n.Problem), "the log of serve has its output; serve runs it as its own user and with the limits of its unit")
			case !n.ToldAt.IsZero():
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	return ErrNoAnswer
}
