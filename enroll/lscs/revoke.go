package lscs

import (
	"context"
	"time"

	"capf/store"
)

// Revoker revokes LSCs, for the operator and when a CAPF key is given up.
type Revoker struct {
	Store *store.Store
	Now   func() time.Time
}

// Revoke revokes what Revocable has found. Errors as those of
// store.RevokeLSCs.
func (r Revoker) Revoke(ctx context.Context, actor store.Actor, list []store.LSC, reason store.RevocationReason) ([]store.RevokedLSC, error) {
	ids := make([]int64, len(list))
	for i, l := range list {
		ids[i] = l.ID
	}
	return r.Store.RevokeLSCs(ctx, actor, ids, reason)
}

// Release lifts the certificate-hold of the LSC with the serial.
// store.ErrNotFound: there is none; store.ErrConflict: it is not revoked, or
// revoked for good; apperr.ErrRefused: two issuers have used the serial.
func (r Revoker) Release(ctx context.Context, actor store.Actor, serial string) (store.LSC, error) {
	l, err := r.lscBySerial(ctx, serial)
	if err != nil {
		return l, err
	}
	return r.Store.ReleaseLSC(ctx, actor, l.ID)
}
