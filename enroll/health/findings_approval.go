package health

import (
	"context"
	"fmt"
	"strconv"

	"capf/enroll/approval"
)

// proposalFindings reports changes that wait for another operator.
func (x examination) proposalFindings(ctx context.Context) (found []Finding, err error) {
	for p, err := range x.Proposals(ctx, true) {
		if err != nil {
			return nil, err
		}
		found = append(found, warning(ApprovalWaiting, fmt.Sprintf("a change waits for another operator's approval: proposal %d of %s: %s", p.ID, p.ProposedBy, p.Action),
			fmt.Sprintf("capf approval show %d", p.ID)).of(strconv.FormatInt(p.ID, 10)))
	}
	return found, nil
}

// bypassFindings reports changes that should have been approved by somebody and were
// not, for some days.
func (x examination) bypassFindings(ctx context.Context) (found []Finding, err error) {
	for p, err := range x.BypassedSince(ctx, x.now.AddDate(0, 0, -approval.BypassShownDays)) {
		if err != nil {
			return nil, err
		}
		found = append(found, warning(ApprovalBypassed, fmt.Sprintf("%s was carried out without approval by %s: %s", p.Action, p.DecidedBy, p.Reason),
			fmt.Sprintf("capf approval show %d", p.ID)).of(strconv.FormatInt(p.ID, 10)))
	}
	return found, nil
}
