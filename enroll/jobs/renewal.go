package jobs

import (
	"context"
	"time"

	"capf/enroll/bulk"
	"capf/enroll/devices"
	"capf/store"
)

// looksPerTurn is how often within one interval a runner checks whether the
// limit has room again, after other processes have used it up.
const looksPerTurn = 10

// renew schedules Install/Upgrade for LSCs that are due, if the parameter
// renew_before says so. It returns the job, nil when there was nothing to do,
// and when to look again.
func (x *Runner) renew(ctx context.Context) (*store.Job, time.Duration, error) {
	settings, err := x.Rules.Settings(ctx)
	if err != nil || settings.RenewBefore == 0 {
		return nil, x.Renew, err
	}
	left, err := x.Rules.Store.RenewalsLeft(ctx, *x.rate())
	if err != nil || left == 0 {
		return nil, x.Renew / looksPerTurn, err
	}
	selection := bulk.Selection{DueForRenewal: true, ByItself: true, HoldingFilter: store.HoldingFilter{Limit: x.RenewAtOnce}}
	n, err := bulk.Count(ctx, x.Rules, selection)
	if err != nil || n == 0 {
		return nil, x.Renew, err
	}
	install := store.Install
	u := bulk.Update{
		Selection: selection,
		Edit:      devices.Edit{Operation: &install},
		// A device that a rule forbids to change must not hold up the others.
		Partial:     true,
		ApplyConfig: settings.ApplyCommand != nil,
	}
	x.Log.Info("renewing LSCs", "due", n, "now", min(n, int64(left)))
	j, err := x.begin(ctx, store.Actor{Kind: store.System, Name: "renewal"}, store.Renewal, immediate{update: u})
	if j.ID == 0 {
		return nil, x.Renew, err
	}
	return &j, x.Renew, err
}

func (x *Runner) rate() *store.Rate { return &store.Rate{Most: x.RenewAtOnce, Within: x.Renew} }
