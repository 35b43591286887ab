package lists

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"capf/crypto"
	"capf/crypto/keyfile"
	"capf/enroll/authority"
	"capf/enroll/secrets"
	"capf/internal/backoff"
	"capf/store"
)

// Signing makes the keys that sign lists, and changes who signs.
type Signing struct {
	Store  *store.Store
	Sealer *crypto.Sealer
	Now    func() time.Time
	Rand   io.Reader
}

// Init makes the key that signs lists, and the spare, where they are missing, and says
// which it has made. They bear the name of the CAPF certificate.
func (s Signing) Init(ctx context.Context, actor store.Actor) (signer, spare bool, err error) {
	there, err := signing(ctx, s.Store.Reader)
	switch {
	case errors.Is(err, ErrNone):
		signer, spare = true, true
	case err != nil:
		return false, false, err
	default:
		spare = !there.HasSpare()
	}
	if !spare {
		return false, false, nil
	}
	second, err := s.make(ctx)
	if err != nil {
		return false, false, err
	}
	if !signer {
		return false, true, s.Store.SetListSpare(ctx, actor, there, second, store.ListPlan{})
	}
	first, err := s.make(ctx)
	if err != nil {
		return false, false, err
	}
	return true, true, s.Store.BeginLists(ctx, actor, first, &second)
}

// make makes a key with its certificate, sealed.
func (s Signing) make(ctx context.Context) (store.ListKey, error) {
	capf, err := authority.Certificate(ctx, s.Store.Reader)
	if err != nil {
		return store.ListKey{}, err
	}
	c, key, err := crypto.NewSAST(s.Rand, crypto.NameOf(capf), s.Now())
	if err != nil {
		return store.ListKey{}, fmt.Errorf("making a SAST key: %w", err)
	}
	return s.seal(keyfile.Pair{Certificate: c, Key: key})
}

func (s Signing) seal(p keyfile.Pair) (k store.ListKey, err error) {
	k = store.ListKey{Fingerprint: crypto.Fingerprint(p.Certificate), Certificate: p.Certificate.Raw}
	k.SealedKey, err = secrets.SealListKey(s.Sealer, k.Fingerprint, p.Key)
	return k, err
}

// Rotate does the next step of a rotation, and says which that was.
func (s Signing) Rotate(ctx context.Context, actor store.Actor, r Rotation) (Step, error) {
	there, err := signing(ctx, s.Store.Reader)
	if err != nil {
		return "", err
	}
	stand, err := standing(there)
	if err != nil {
		return "", err
	}
	now := s.Now()
	step, err := stand.Step(r, now)
	if err != nil {
		return "", err
	}
	switch step {
	case NewSpare:
		next, err := s.make(ctx)
		if err != nil {
			return "", err
		}
		return step, s.Store.SetListSpare(ctx, actor, there, next, stand.Plan(r, now))
	case Plan:
		return step, s.Store.PlanListSwitch(ctx, actor, there, stand.Plan(r, now))
	case Sign, GoBack:
		return step, s.Store.SwitchListKeys(ctx, actor, there)
	}
	return step, nil
}

// CancelRotation takes back what is planned, and says whether anything was.
func (s Signing) CancelRotation(ctx context.Context, actor store.Actor) (bool, error) {
	there, err := signing(ctx, s.Store.Reader)
	if err != nil || there.DueAt.IsZero() {
		return false, err
	}
	return true, s.Store.PlanListSwitch(ctx, actor, there, store.ListPlan{})
}

// Exported records that a copy of a key has left the database.
func (s Signing) Exported(ctx context.Context, actor store.Actor, c *x509.Certificate, to string) error {
	return s.Store.MarkListKeyCopied(ctx, actor, crypto.Fingerprint(c), to)
}

// Watch has the spare sign when the time that was planned for it comes, until ctx ends.
func Watch(ctx context.Context, s *store.Store, log *slog.Logger) {
	failures := backoff.Backoff{Log: log, Doing: "rotating the keys of trust lists"}
	failures.Repeat(ctx, 5*time.Second, func(ctx context.Context) error {
		_, err := s.SwitchListKeysDue(ctx, store.Actor{Kind: store.System})
		return err
	})
}
