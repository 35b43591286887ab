package commands

import (
	"context"
	"log/slog"

	"capf/crypto"
	"capf/enroll/lists"
	"capf/enroll/metrics"
	"capf/store"
)

// keepLists keeps the folder of trust lists up to date until ctx ends; the channel is
// closed after that.
func keepLists(ctx context.Context, s *store.Store, sealer *crypto.Sealer, meter *metrics.Meter, log *slog.Logger) (*lists.Keeper, <-chan struct{}) {
	k, done := lists.NewKeeper(s.Reader, sealer, meter, log), make(chan struct{})
	go func() {
		defer close(done)
		k.Run(ctx)
	}()
	return k, done
}
