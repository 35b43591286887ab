package approval

import (
	"context"
	"crypto/x509"
	"fmt"

	"capf/enroll/authority"
	"capf/store"
)

const applyAction = "cert apply"

// application makes the trust stores as somebody has described them.
type application struct {
	Want  []wanted
	Prune bool

	plan   authority.TrustPlan
	agree  func(authority.TrustPlan) error
	agreed bool
}

// wanted is an authority.Desired that can be kept.
type wanted struct {
	Where       string
	Line        int
	Certificate []byte // DER
	Purposes    []store.Purpose
	For         store.Uses
	Description *string
	AcceptEKU   bool
}

// Apply is authority.TrustStores.Apply. Where the change has to wait, agree is asked once,
// before it is proposed.
func (t TrustStores) Apply(ctx context.Context, want []authority.Desired, prune bool, agree func(authority.TrustPlan) error) (authority.TrustPlan, error) {
	op := &application{Prune: prune, agree: agree}
	for _, w := range want {
		op.Want = append(op.Want, wanted{w.Where, w.Line, w.Certificate.Raw, w.Purposes, w.For, w.Description, w.AcceptEKU})
	}
	err := t.desk.take(ctx, op)
	return op.plan, err
}

func (*application) action() string { return applyAction }

// subjects are those of all stores until the plan says which change: what is pruned is not
// known before.
func (o *application) subjects() []string {
	stores := store.Purposes()
	if len(o.plan.Changes) > 0 {
		stores = nil
	}
	for _, c := range o.plan.Changes {
		stores = append(stores, c.Before.Purpose, c.After.Purpose)
	}
	return subjectsOfStores(stores...)
}

func (o *application) carryOut(ctx context.Context, d Desk) (effects []string, err error) {
	var want []authority.Desired
	for _, w := range o.Want {
		c, err := x509.ParseCertificate(w.Certificate)
		if err != nil {
			return nil, fmt.Errorf("reading a certificate of the proposal: %w", err)
		}
		one := authority.Desired{Where: w.Where, Line: w.Line, Certificate: c, Purposes: w.Purposes}
		one.For, one.Description, one.AcceptEKU = w.For, w.Description, w.AcceptEKU
		want = append(want, one)
	}
	o.plan, err = trustStores(d).Apply(ctx, d.Actor, want, o.Prune, func(plan authority.TrustPlan) error {
		if o.agree == nil || o.agreed {
			return nil
		}
		return o.agree(plan)
	})
	if err != nil {
		return nil, err
	}
	o.agreed = d.Store.Rehearsing()
	for _, c := range o.plan.Changes {
		switch {
		case c.Adds():
			effects = append(effects, "+ "+described(c.After, fmt.Sprintf("%x", c.After.Fingerprint)))
		case c.Removes():
			effects = append(effects, "- "+described(c.Before, fmt.Sprintf("%x", c.Before.Fingerprint)))
		default:
			effects = append(effects, changed(c.Before, c.After, fmt.Sprintf("%x", c.Before.Fingerprint)))
		}
	}
	return effects, nil
}

func (o *application) impact(context.Context, Desk) ([]string, error) { return o.plan.Impact, nil }
