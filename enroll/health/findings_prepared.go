package health

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"capf/enroll/authority"
	"capf/enroll/settings"
	"capf/store"
)

const (
	// showDelay is how late a serve that runs may be.
	showDelay = time.Minute
	// unknownFor is for how long after the change of a CAPF certificate phones are thought
	// of that have not booted: most sites restart theirs within days.
	unknownFor = 7 * 24 * time.Hour
)

// certificateChange examines a change of the CAPF certificate.
type certificateChange struct {
	*store.Reader
	now time.Time
}

// findings reports a change of the CAPF certificate that is under way: phones must
// learn of the new one, and somebody or serve has to end the change.
func (x certificateChange) findings(ctx context.Context) ([]Finding, error) {
	p, _, err := authority.PreparedNow(ctx, x.Reader)
	if err != nil {
		return nil, err
	}
	if p == nil {
		return x.unknown(ctx)
	}
	if p.Due(x.now.Add(-showDelay)) {
		return []Finding{severe(CertificateOverdue, fmt.Sprintf("the prepared CAPF certificate was to be shown %s, and is not", p.When()),
			"serve shows it when it runs, if capf check finds it fit; capf cert regenerate capf --yes shows it now")}, nil
	}
	text := fmt.Sprintf("a new CAPF certificate is prepared since %s, to be shown %s", day(p.Since), p.When())
	active, err := x.active(ctx, settings.ServiceTVS)
	if err == nil && !active {
		text += "; phones must have fetched a new trust list by then, as TVS is not active to vouch for it"
	}
	return []Finding{warning(CertificatePrepared, text, "capf cert regenerate capf --yes shows it now, --after sets the time, --cancel gives it up")}, err
}

// unknown reports a CAPF certificate that trust lists carried for too short a
// time before it was shown, so that phones may have stored one without it.
func (x certificateChange) unknown(ctx context.Context) ([]Finding, error) {
	lists, err := x.ListsExist(ctx)
	if err != nil || !lists {
		return nil, err
	}
	id, err := x.Identity(ctx)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	}
	began, err := x.ListSigning(ctx)
	if err != nil || id.ListedAt.IsZero() || !id.ListedAt.After(began.Signer.ListedAt) {
		return nil, err // the first lists had it already
	}
	if id.CreatedAt.Sub(id.ListedAt) >= unknownFor || x.now.Sub(id.CreatedAt) >= unknownFor {
		return nil, nil
	}
	text := fmt.Sprintf("the CAPF certificate is new: phones that have fetched no trust list since %s do not know it", id.ListedAt.UTC().Format(time.RFC3339))
	active, err := x.active(ctx, settings.ServiceTVS)
	switch {
	case err != nil:
		return nil, err
	case active:
		return []Finding{warning(CertificateUnknown, text+"; TVS vouches for it meanwhile", "restart phones whose list does not name TVS")}, nil
	}
	return []Finding{warning(CertificateUnknown, text+" and cannot enrol", "restart these phones, or capf service activate tvs for those whose list names TVS")}, nil
}

// active says whether a service is to run.
func (x certificateChange) active(ctx context.Context, name string) (bool, error) {
	services, err := x.Services(ctx)
	return slices.ContainsFunc(services, func(v store.Service) bool { return v.Name == name && v.Active }), err
}
