package health

import (
	"context"
	"fmt"
	"strings"
	"time"

	"capf/enroll/renewal"
	"capf/enroll/sessions"
	"capf/enroll/settings"
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

// lockedFindings reports devices that are locked: their phones are declined,
// whatever is entered.
func (x examination) lockedFindings(ctx context.Context) ([]Finding, error) {
	n, err := x.CountLocked(ctx)
	if err != nil || n == 0 {
		return nil, err
	}
	verb := "are"
	if n == 1 {
		verb = "is"
	}
	return []Finding{warning(DevicesLocked, fmt.Sprintf("%s %s locked, after wrong authentication strings or certificates that the phone did not confirm", plural.Of(n, "device"), verb),
		"capf device list --locked; capf device unlock NAME")}, nil
}

// How long a request may wait for its issuer before it is reported: a CA that is
// asked over the network answers, or somebody approves it there, while the phone is
// connected; a person takes requests to the other kind.
const (
	onlineWait  = time.Hour
	offlineWait = 24 * time.Hour
)

// waitingFindings reports requests that have waited for long.
func (x examination) waitingFindings(ctx context.Context) ([]Finding, error) {
	inForce, err := settings.Read(ctx, x.Reader)
	if err != nil {
		return nil, err
	}
	patience, words, hint := offlineWait, "a day", "capf csr list; capf offline export, then capf offline import"
	if inForce.Issuer == settings.IssuerOnline {
		patience, words, hint = onlineWait, "an hour", "capf csr list says for what; capf online-ca test"
	}
	n, err := x.CountRequests(ctx, store.RequestFilter{State: store.RequestPending, Before: new(x.now.Add(-patience))})
	if err != nil || n == 0 {
		return nil, err
	}
	verb := "have"
	if n == 1 {
		verb = "has"
	}
	text := fmt.Sprintf("%s %s waited for a certificate for more than %s", plural.Of(n, "request"), verb, words)
	connected, err := x.waitingPhones(ctx, patience)
	if connected > 0 {
		text += fmt.Sprintf("; %s still connected for it", plural.Of(connected, "phone"))
		hint += "; capf session list --state " + string(store.AwaitCA)
	}
	return []Finding{warning(RequestsWaiting, text, hint)}, err
}

// waitingPhones counts the phones that have been connected for so long and wait for
// a CA.
func (x examination) waitingPhones(ctx context.Context, patience time.Duration) (n int64, err error) {
	open, err := sessions.List(ctx, x.Reader, x.now, store.SessionFilter{State: store.AwaitCA})
	for _, v := range open {
		if x.now.Sub(v.StateSince) > patience {
			n++
		}
	}
	return n, err
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
		names = append(names, fmt.Sprintf("%s until %s", d.Network, d.Until.UTC().Format(time.RFC3339)))
	}
	text := fmt.Sprintf("%s declined within the last day after wrong authentication strings, %d of them now: %s",
		plural.Of(all, "address"), now, strings.Join(names, ", "))
	if n := all - int64(len(list)); n > 0 {
		text += fmt.Sprintf(" and %d more", n)
	}
	return []Finding{warning(AddressesDeclined, text, "capf audit list --action address-decline")}, nil
}
