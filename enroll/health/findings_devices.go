package health

import (
	"context"
	"fmt"
	"strings"

	"capf/enroll/renewal"
	"capf/internal/plural"
	"capf/store"
)

func operationFindings(counts store.DeviceCounts) (found []Finding) {
	if counts.Failed > 0 {
		found = append(found, warning(OperationsFailed, fmt.Sprintf("the last operation of %s failed", plural.Of(counts.Failed, "device")), "capf device list --failed, and capf device diagnose NAME"))
	}
	if counts.Late > 0 {
		found = append(found, warning(OperationsLate, fmt.Sprintf("%s did not complete the operation in time", plural.Of(counts.Late, "device")), "capf device list --late"))
	}
	return found
}

func (x examination) staleFindings(ctx context.Context) ([]Finding, error) {
	n, err := x.CountLSCs(ctx, store.LSCFilter{State: store.LSCStale})
	if err != nil || n == 0 {
		return nil, err
	}
	return []Finding{warning(LSCsStale, plural.Of(n, "stale LSC"), "capf stale-lsc list")}, nil
}

// operatorRenewals reports LSCs that are due for renewal but whose devices an
// operator has to renew.
func (x examination) operatorRenewals(ctx context.Context) ([]Finding, error) {
	due, err := renewal.Due(ctx, x.Reader)
	if err != nil || due == nil {
		return nil, err
	}
	var n int64
	for _, mode := range []store.AuthMode{store.ByNullString, store.ByString} {
		some, err := x.CountSelected(ctx, store.Selection{DeviceFilter: store.DeviceFilter{AuthMode: mode}, Due: due})
		if err != nil {
			return nil, err
		}
		n += some
	}
	if n == 0 {
		return nil, nil
	}
	return []Finding{warning(RenewalsWaiting, "an operator has to renew "+plural.Of(n, "LSC")+": where a device does not authenticate by an existing certificate, renewal does not",
		"capf bulk select --due-for-renewal")}, nil
}

// addressesShown is how many addresses a finding names.
const addressesShown = 3

// addressFindings reports the addresses that were declined for wrong
// authentication strings within the last day.
func (x examination) addressFindings(ctx context.Context) ([]Finding, error) {
	list, now, all, err := x.DeclinedNetworks(ctx, addressesShown)
	if err != nil || all == 0 {
		return nil, err
	}
	var names []string
	for _, d := range list {
		names = append(names, fmt.Sprintf("%s until %s", d.Network, d.Until.Format("2006-01-02 15:04:05")))
	}
	text := fmt.Sprintf("%s declined within the last day after wrong authentication strings, %d of them now: %s",
		plural.Of(all, "address"), now, strings.Join(names, ", "))
	if n := all - int64(len(list)); n > 0 {
		text += fmt.Sprintf(" and %d more", n)
	}
	return []Finding{warning(AddressesDeclined, text, "capf audit list --action address-decline")}, nil
}
