package enroll

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"capf/crypto"
	"capf/internal/apperr"
	"capf/store"
)

// RotateMasterKey seals every secret, and the seals of the record of events, anew
// under the next master key, all or nothing, and returns how many secrets there
// are. What the present key does not open is an error that names it. Processes that
// have read the present key before open nothing any more.
func (r *Rules) RotateMasterKey(ctx context.Context, actor store.Actor, next *crypto.Sealer) (int64, error) {
	if probe := []byte(keyCheckText); next.Authentic(keyCheckLabel, probe, r.Sealer.Authenticate(keyCheckLabel, probe)) {
		return 0, apperr.Refused("the new master key is the present one")
	}
	holds := HoldsCheckpoint(r.Sealer)
	return r.Store.Reseal(ctx, actor, store.Resealing{
		Secret: func(v store.SealedSecret) ([]byte, error) { return r.reseal(v, next) },
		Checkpoint: func(c store.Checkpoint) ([]byte, error) {
			if !holds(c) {
				return c.Seal, nil // it holds no more than before
			}
			return sealCheckpoint(next, c.ChainPoint, c.At).Seal, nil
		},
	})
}

func (r *Rules) reseal(v store.SealedSecret, next *crypto.Sealer) ([]byte, error) {
	label := labelOf(v)
	plain, err := r.Sealer.Open(label, v.Sealed)
	if errors.Is(err, crypto.ErrWrongKey) && v.Kind == store.DeviceSecret {
		plain, err = r.Sealer.Open(unboundStringLabel, v.Sealed)
	}
	if err != nil {
		return nil, apperr.WithHint(fmt.Errorf("%s: %w", v, err), "capf check lists what does not open; set or remove it first")
	}
	defer clear(plain)
	sealed, err := next.Seal(label, plain)
	if err != nil {
		return nil, err
	}
	back, err := next.Open(label, sealed)
	defer clear(back)
	if err != nil || !bytes.Equal(back, plain) {
		return nil, fmt.Errorf("%s: what was sealed anew does not open: %w", v, err)
	}
	return sealed, nil
}

// labelOf is what binds a secret to its use.
func labelOf(v store.SealedSecret) string {
	switch v.Kind {
	case store.CAPFKeySecret:
		return keyLabel
	case store.KeyCheckSecret:
		return keyCheckLabel
	case store.DeviceSecret:
		return stringLabel(v.Name)
	case store.TemplateSecret:
		return TemplateStringLabel
	case store.JobSecret:
		return JobStringLabel
	case store.DirectorySecret:
		return DirectoryPasswordLabel
	}
	return v.Name // of a parameter
}

// VerifySecrets opens every secret with the master key of r, and the CAPF key.
func (r *Rules) VerifySecrets(ctx context.Context) error {
	if _, _, err := r.capfKey(ctx); err != nil && !errors.Is(err, ErrNotReady) {
		return err
	}
	for s, err := range r.keptSecrets(ctx) {
		if err != nil {
			return err
		}
		if err := s.open(); err != nil {
			return fmt.Errorf("%s: %w", s.object, err)
		}
	}
	return nil
}
