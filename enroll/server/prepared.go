package server

import (
	"context"
	"crypto/x509"
	"log/slog"
	"slices"
	"time"

	"capf/crypto"
	"capf/enroll/authority"
	"capf/internal/backoff"
	"capf/store"
)

// preparedWatch shows the prepared CAPF certificate when its time has come, whether this
// serve listens or not. Of several on one database the first does it, and all of them are
// told to begin again.
type preparedWatch struct{ failures backoff.Backoff }

func newPreparedWatch(log *slog.Logger) *preparedWatch {
	return &preparedWatch{backoff.Backoff{Log: log, Doing: "showing the prepared CAPF certificate"}}
}

// look never stops a serve, which goes on with the present certificate; the next looks try
// again.
func (w *preparedWatch) look(ctx context.Context, c Config) {
	if w.failures.Remaining() > 0 {
		return
	}
	shown, err := authority.CAPF{Store: c.Store, Sealer: c.Sealer, Now: c.Now, Rand: c.Rand}.ShowDue(ctx, store.Actor{Kind: store.System, Name: "serve"})
	switch {
	case err != nil && ctx.Err() == nil:
		w.failures.Failed(err)
	case err == nil:
		w.failures.Succeeded()
	}
	if shown != nil {
		c.Log.Info("the prepared CAPF certificate takes the place of the present one", "subject", shown.Leaf().Subject.CommonName, "sha256", crypto.Fingerprint(shown.Leaf()))
	}
}

// changeover is for how long sessions may go on with a CAPF certificate after another has
// taken its place: phones make keys of 4096 bits, and write to flash, for minutes.
const changeover = 15 * time.Minute

// patience is how long the sessions of the listener may go on. Nothing is in a hurry when
// it begins again with another CAPF certificate, unless the old one was given up.
func (r *reconciler) patience(ctx context.Context, again bool) time.Duration {
	if !again {
		return r.config.Grace
	}
	old := r.listener.env.authority.Leaf()
	present, err := authority.Certificate(ctx, r.config.Store.Reader)
	if err != nil || present.Equal(old) {
		return r.config.Grace
	}
	trusted, err := authority.Trusted(ctx, r.config.Store.Reader, store.ForLSC)
	if err != nil || !slices.ContainsFunc(trusted, func(c *x509.Certificate) bool { return c.Equal(old) }) {
		return r.config.Grace
	}
	return max(changeover, r.config.Grace)
}
