package enroll

import (
	"context"

	"capf/enroll/renewal"
	"capf/store"
)

// Due is what is due for renewal now, nil while renewal is off.
func (r *Rules) Due(ctx context.Context) (*store.Due, error) { return renewal.Due(ctx, r.Store.Reader) }
