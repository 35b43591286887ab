package approval

import (
	"context"
	"crypto/x509"
	"fmt"
	"time"

	"capf/crypto"
	"capf/enroll/authority"
	"capf/enroll/settings"
	"capf/store"
)

// showing has serve show the prepared certificate now.
type showing struct{ made *crypto.Authority }

// Show is authority.CAPF.Show.
func (c CAPF) Show(ctx context.Context) (*crypto.Authority, error) {
	op := &showing{}
	err := c.desk.take(ctx, op)
	return op.made, err
}

func (*showing) action() string     { return showAction }
func (*showing) subjects() []string { return []string{settings.RegenerateSubject} }

func (o *showing) carryOut(ctx context.Context, d Desk) (effects []string, err error) {
	present, capf, err := replaced(ctx, d)
	if err != nil {
		return nil, err
	}
	if o.made, err = capf.Show(ctx, d.Actor); err != nil {
		return nil, err
	}
	return []string{fmt.Sprintf("~ capf: the prepared certificate, %s, is shown at once; was %s", fingerprintOf(o.made.Leaf()), fingerprintOf(present))}, nil
}

// postponement sets when the prepared certificate is shown.
type postponement struct {
	After authority.Delay

	changed bool
}

// Postpone is authority.CAPF.Postpone.
func (c CAPF) Postpone(ctx context.Context, after authority.Delay) (changed bool, err error) {
	op := &postponement{After: after}
	err = c.desk.take(ctx, op)
	return op.changed, err
}

func (*postponement) action() string     { return postponeAction }
func (*postponement) subjects() []string { return []string{settings.RegenerateSubject} }

func (o *postponement) carryOut(ctx context.Context, d Desk) (effects []string, err error) {
	_, capf, err := replaced(ctx, d)
	if err != nil {
		return nil, err
	}
	was, changed, err := capf.Postpone(ctx, d.Actor, o.After)
	if o.changed = changed; err != nil || !changed {
		return nil, err
	}
	p, leaf, err := authority.PreparedNow(ctx, d.Store.Reader)
	if err != nil || p == nil {
		return nil, err
	}
	return []string{fmt.Sprintf("~ capf: the prepared certificate, %s, in trust lists since %s, is shown %s; was %s",
		fingerprintOf(leaf), p.Since.UTC().Format(time.RFC3339), o.After, store.Prepared{ShownAfter: was}.When())}, nil
}

// cancellation gives the prepared certificate up.
type cancellation struct{ gone *x509.Certificate }

// Cancel is authority.CAPF.Cancel.
func (c CAPF) Cancel(ctx context.Context) (*x509.Certificate, error) {
	op := &cancellation{}
	err := c.desk.take(ctx, op)
	return op.gone, err
}

func (*cancellation) action() string     { return cancelAction }
func (*cancellation) subjects() []string { return []string{settings.RegenerateSubject} }

func (o *cancellation) carryOut(ctx context.Context, d Desk) (effects []string, err error) {
	_, capf, err := replaced(ctx, d)
	if err != nil {
		return nil, err
	}
	if o.gone, err = capf.Cancel(ctx, d.Actor); err != nil {
		return nil, err
	}
	return []string{"- capf: the prepared certificate, " + fingerprintOf(o.gone)}, nil
}
