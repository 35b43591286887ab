package audit

import (
	"context"
	"time"

	"capf/store"
)

// How many refused attempts become events within refusalSpan: enough to see what
// somebody is up to, too few to fill the record.
const (
	RefusalsOfOne = 20 // operator
	refusalsOfAll = 100
	refusalSpan   = 10 * time.Minute
)

// RecordRefusal records what a session of capf shell tried and may not do. Beyond
// RefusalsOfOne within ten minutes nothing more is recorded of an operator.
func RecordRefusal(ctx context.Context, s *store.Store, actor store.Actor, detail string) error {
	e := store.Event{Actor: actor, Action: "shell-refused", Outcome: "refused", Detail: detail}
	return s.AddEventWithin(ctx, e, RefusalsOfOne, refusalsOfAll, refusalSpan)
}
