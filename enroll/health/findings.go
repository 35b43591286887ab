// Package health examines a whole installation: Findings says what an operator
// should do, as capf status shows it, and Check finds damage in a database. It
// reads the store and asks the other rooms, and changes nothing.
package health

import (
	"context"
	"slices"
	"time"

	"capf/store"
)

// Finding is something that an operator should know or do.
type Finding struct {
	Severity string // error or warning
	Text     string
	Hint     string
}

// examination examines a database at one moment.
type examination struct {
	*store.Reader
	now time.Time
}

// Findings returns what is wrong, the worst first. The caller passes the
// counts of devices, since counting takes longer than everything else.
func Findings(ctx context.Context, s *store.Reader, now time.Time, devices store.DeviceCounts) ([]Finding, error) {
	x := examination{s, now}
	operations := func(context.Context) ([]Finding, error) { return operationFindings(devices), nil }
	var all []Finding
	for _, look := range []func(context.Context) ([]Finding, error){
		x.certificateFindings, x.purposeFindings, x.spaceFindings, x.serviceFindings, x.onlineFindings, x.trustFindings,
		operations, x.openJobFindings, x.jobFindings, x.operatorRenewals, x.directoryFindings, x.staleFindings, x.addressFindings,
	} {
		found, err := look(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	slices.SortStableFunc(all, func(a, b Finding) int { return severity(a) - severity(b) })
	return all, nil
}

func severity(f Finding) int {
	if f.Severity == "error" {
		return 0
	}
	return 1
}
