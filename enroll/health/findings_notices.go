package health

import (
	"context"
	"fmt"

	"capf/enroll/settings"
	"capf/internal/plural"
	"capf/store"
)

// noticeFindings reports that the operators' program, which is to tell of all the
// others, fails.
func (x examination) noticeFindings(ctx context.Context) ([]Finding, error) {
	inForce, err := settings.Read(ctx, x.Reader)
	if err != nil || inForce.NotifyCommand == nil {
		return nil, err
	}
	all, err := x.Notices(ctx)
	if err != nil {
		return nil, err
	}
	var worst store.Notice
	for _, n := range all {
		if n.Kind != store.TestNotice && n.Attempts > worst.Attempts {
			worst = n
		}
	}
	if worst.Attempts == 0 {
		return nil, nil
	}
	return []Finding{warning(NotifyFailed, fmt.Sprintf("%s has failed %s in a row: %s", settings.NotifyCommand, plural.Of(worst.Attempts, "time"), worst.Problem), "capf notify test; the log of serve has its output")}, nil
}
