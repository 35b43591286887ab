package authority

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"

	"capf/crypto"
	"capf/enroll/settings"
	"capf/internal/apperr"
	"capf/internal/document"
	"capf/store"
)

// TrustChange is what applying would do to one row of the trust stores.
type TrustChange struct {
	Before, After store.TrustCertificate // without an id where there is none
	Kept          string                 // why a row stays that is not described; "" otherwise
}

// Adds, Removes and Changes say which kind of change it is.
func (c TrustChange) Adds() bool    { return c.Before.ID == 0 }
func (c TrustChange) Removes() bool { return c.After.Fingerprint == nil }

// TrustPlan is what has to be done so that the trust stores are as described.
type TrustPlan struct {
	Changes  []TrustChange
	Kept     []TrustChange // rows that are not described and stay
	Same     int           // rows that are as described
	Impact   []string      // what phones lose
	Warnings []string

	seen   []store.TrustCertificate
	put    []store.NewTrust
	remove []int64
}

// Removes counts the rows that would go.
func (p TrustPlan) Removes() int { return len(p.remove) }

// applyAttempts is how often Apply looks again when somebody else has changed the
// trust stores in between.
const applyAttempts = 20

// Apply makes the trust stores as described, in one transaction. Rows that are not
// described stay or, with prune, go, except those of our own CAPF. agree is asked
// before anything is changed, and again when the trust stores have changed meanwhile.
// Its error ends Apply. A document.Problems error says which certificates cannot be
// taken; apperr.ErrRefused that the issuer would be without what it needs;
// store.ErrConflict that others change the trust stores all the time.
func (t TrustStores) Apply(ctx context.Context, actor store.Actor, want []Desired, prune bool, agree func(TrustPlan) error) (plan TrustPlan, err error) {
	for range applyAttempts {
		if plan, err = t.plan(ctx, want, prune); err != nil || len(plan.Changes) == 0 {
			return plan, err
		}
		if err = agree(plan); err != nil {
			return plan, err
		}
		err = t.Store.ApplyTrust(ctx, actor, plan.seen, plan.put, plan.remove)
		if !errors.Is(err, store.ErrConflict) {
			return plan, err
		}
	}
	return plan, err
}

func (t TrustStores) plan(ctx context.Context, want []Desired, prune bool) (plan TrustPlan, err error) {
	if plan.seen, err = t.Store.Trust(ctx, ""); err != nil {
		return plan, err
	}
	there, before := map[string]store.TrustCertificate{}, map[string]store.TrustCertificate{}
	for _, row := range plan.seen {
		there[trustKey(row)], before[trustKey(row)] = row, row
	}
	described := map[string]bool{}
	var p document.Problems
	for _, d := range want {
		rows, err := t.planCertificate(ctx, d.Where, d.Certificate, d.Purposes, d.options(), there)
		if err != nil {
			return plan, err
		}
		for _, row := range rows {
			if row.Outcome == UploadRefused {
				p.Add(d.Line, "%s%q for %s: %s", d.prefix(), crypto.DisplayName(d.Certificate), row.Purpose, row.Reason)
				continue
			}
			described[trustKey(row.entry.TrustCertificate)] = true
			plan.take(row, before)
		}
	}
	if err := p.Err(); err != nil {
		return plan, err
	}
	if err := t.planRest(ctx, &plan, described, prune); err != nil {
		return plan, err
	}
	after := plan.after()
	if err := t.checkNeeds(ctx, plan.seen, after); err != nil {
		return plan, err
	}
	plan.Impact, err = t.Impact(ctx, plan.seen, after)
	return plan, err
}

func trustKey(row store.TrustCertificate) string {
	return string(row.Purpose) + string(row.Fingerprint)
}

// take plans a row that is described.
func (p *TrustPlan) take(row UploadRow, before map[string]store.TrustCertificate) {
	if row.Warning != "" {
		p.Warnings = append(p.Warnings, row.Warning)
	}
	have, is := before[trustKey(row.entry.TrustCertificate)]
	switch {
	case !is:
		p.Changes = append(p.Changes, TrustChange{After: row.entry.TrustCertificate})
	case row.entry.IfThere.Changes(have):
		p.Changes = append(p.Changes, TrustChange{Before: have, After: row.entry.IfThere.Edited(have)})
	default:
		p.Same++
		return
	}
	p.put = append(p.put, row.entry)
}

// planRest plans the rows that are not described.
func (t TrustStores) planRest(ctx context.Context, plan *TrustPlan, described map[string]bool, prune bool) error {
	for _, row := range plan.seen {
		if described[trustKey(row)] {
			continue
		}
		kept := "it is not described; --prune removes it"
		if prune {
			ours, err := t.isOurs(ctx, row)
			if err != nil {
				return err
			}
			if kept = ""; ours {
				kept = "it is a CAPF certificate of our own"
			}
		}
		if kept != "" {
			plan.Kept = append(plan.Kept, TrustChange{Before: row, After: row, Kept: kept})
			continue
		}
		plan.Changes = append(plan.Changes, TrustChange{Before: row})
		plan.remove = append(plan.remove, row.ID)
	}
	return nil
}

// after is what the trust stores hold once the plan is carried out.
func (p *TrustPlan) after() (rows []store.TrustCertificate) {
	changed := map[int64]store.TrustCertificate{}
	for _, c := range p.Changes {
		if c.Adds() {
			rows = append(rows, c.After)
		} else {
			changed[c.Before.ID] = c.After
		}
	}
	for _, row := range p.seen {
		now, is := changed[row.ID]
		if !is {
			now = row
		}
		if now.Fingerprint != nil {
			rows = append(rows, now)
		}
	}
	return rows
}

// checkNeeds refuses to take from the issuer that is in force what it needs in
// capf-trust.
func (t TrustStores) checkNeeds(ctx context.Context, before, after []store.TrustCertificate) error {
	s, err := settings.Read(ctx, t.Store.Reader)
	if err != nil {
		return err
	}
	var needs store.Uses
	switch s.Issuer {
	case settings.IssuerOnline:
		needs = store.ForLSC | store.ForHTTPS
	case settings.IssuerOffline:
		needs = store.ForLSC
	}
	lost := needs & usesOf(before) &^ usesOf(after)
	if lost == 0 {
		return nil
	}
	return apperr.WithHint(apperr.Refused("%s is %s, and nothing in capf-trust would vouch for %s any more", settings.Issuer, s.Issuer, lost),
		"describe the certificate of that CA too, or set %s to another issuer first", settings.Issuer)
}

// usesOf is all that capf-trust vouches for by itself, without the certificates of
// CAPFs, which another CA has nothing from.
func usesOf(rows []store.TrustCertificate) (u store.Uses) {
	for _, row := range rows {
		c, err := x509.ParseCertificate(row.Certificate)
		if err == nil && row.Purpose == store.CAPFTrust && !IsCAPFName(c) {
			u |= row.For
		}
	}
	return u
}

// String says in words what a change does, for messages.
func (c TrustChange) String() string {
	row := c.After
	if c.Removes() {
		row = c.Before
	}
	return fmt.Sprintf("%s in %s", row.Subject, row.Purpose)
}
