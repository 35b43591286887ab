package audit

import (
	"context"
	"time"

	"capf/store"
)

// How many refused attempts are recorded within refusalSpan: enough to see what
// somebody is up to, too few to fill the record.
const (
	RefusalsOfOne = 20 // operator
	refusalsOfAll = 100
	refusalSpan   = 10 * time.Minute
)

// RecordRefusal records an attempt in capf shell at something that is not
// allowed. An operator's attempts beyond RefusalsOfOne within ten minutes are not
// recorded.
func RecordRefusal(ctx context.Context, s *store.Store, actor store.Actor, detail string) error {
	e := store.Event{Actor: actor, Action: "shell-refused", Outcome: "refused", Detail: detail}
	return s.AddEventWithin(ctx, e, RefusalsOfOne, refusalsOfAll, refusalSpan)
}
