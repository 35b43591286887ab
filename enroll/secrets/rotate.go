package secrets

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"capf/crypto"
	"capf/internal/apperr"
	"capf/store"
)

// Rotate reseals every secret, and the checkpoints of the record of events, under
// the next master key, all or nothing, and returns the number of secrets. A secret
// that the present key does not open is an error that names it; the error is
// ErrRefused when both keys are the same. Processes that have loaded the present
// key can no longer open anything.
func Rotate(ctx context.Context, s *store.Store, actor store.Actor, present, next *crypto.Sealer) (int64, error) {
	if probe := []byte(keyCheckText); next.VerifyMAC(keyCheckLabel, probe, present.MAC(keyCheckLabel, probe)) {
		return 0, apperr.Refused("the new master key is the present one")
	}
	holds := HoldsCheckpoint(present)
	return s.Reseal(ctx, actor, store.Resealing{
		Secret: func(v store.SealedSecret) ([]byte, error) { return reseal(v, present, next) },
		Checkpoint: func(c store.Checkpoint) ([]byte, error) {
			if !holds(c) {
				return c.Seal, nil // it was not valid before, and must not become valid
			}
			return SealCheckpoint(next, c.ChainPoint, c.At).Seal, nil
		},
	})
}

func reseal(v store.SealedSecret, present, next *crypto.Sealer) ([]byte, error) {
	label := labelOf(v)
	plain, err := present.Open(label, v.Sealed)
	if errors.Is(err, crypto.ErrWrongKey) && v.Kind == store.DeviceSecret {
		plain, err = present.Open(unboundStringLabel, v.Sealed)
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
		return nil, fmt.Errorf("%s: what was resealed does not open: %w", v, err)
	}
	return sealed, nil
}
