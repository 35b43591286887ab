package approval

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"capf/enroll/authority"
	"capf/enroll/settings"
	"capf/internal/apperr"
	"capf/store"
)

const (
	uploadAction = "cert upload"
	editAction   = "cert set"
	deleteAction = "cert delete"
)

// TrustStores takes the changes of authority.TrustStores.
type TrustStores struct{ desk Desk }

// TrustStores is the part of the desk for changes of the trust stores.
func (d Desk) TrustStores() TrustStores { return TrustStores{d} }

func trustStores(d Desk) authority.TrustStores {
	return authority.TrustStores{Store: d.Store, Now: d.Now}
}

// subjectsOfStores are what parameter approve calls a change of trust stores. TVS vouches
// for what is in two of them: to phones, that is as good as a place in their lists.
func subjectsOfStores(stores ...store.Purpose) []string {
	all := []string{settings.TrustSubject}
	if slices.Contains(stores, store.PhoneSASTTrust) || slices.Contains(stores, store.TVSTrust) {
		all = append(all, settings.ListSubject)
	}
	return all
}

// upload puts certificates into trust stores.
type upload struct {
	Files   []authority.UploadFile
	Options authority.UploadOptions

	rows []authority.UploadRow
}

// Upload is authority.TrustStores.Upload.
func (t TrustStores) Upload(ctx context.Context, files []authority.UploadFile, o authority.UploadOptions) ([]authority.UploadRow, error) {
	op := &upload{Files: files, Options: o}
	err := t.desk.take(ctx, op)
	if errors.Is(err, apperr.ErrWaits) { // nothing has become of the rows yet
		return nil, err
	}
	for i, r := range op.rows { // refused here, not by a rule about certificates
		if err != nil && (r.Outcome == authority.UploadAdded || r.Outcome == authority.UploadChanged) {
			op.rows[i].Outcome = authority.UploadHeldBack
		}
	}
	return op.rows, err
}

func (*upload) action() string { return uploadAction }
func (o *upload) subjects() (all []string) {
	for _, f := range o.Files {
		all = append(all, subjectsOfStores(f.Purposes...)...)
	}
	return all
}

func (o *upload) carryOut(ctx context.Context, d Desk) (effects []string, err error) {
	before, err := trustByKey(ctx, d.Store.Reader)
	if err != nil {
		return nil, err
	}
	if o.rows, err = trustStores(d).Upload(ctx, d.Actor, o.Files, o.Options); err != nil {
		return nil, err
	}
	for _, r := range o.rows {
		after := store.TrustCertificate{Purpose: r.Purpose, Subject: r.Subject, For: r.For, Description: o.Options.Description}
		have := before[string(r.Purpose)+r.Fingerprint]
		switch r.Outcome {
		case authority.UploadAdded:
			effects = append(effects, "+ "+described(after, r.Fingerprint))
		case authority.UploadChanged:
			if !o.Options.Describe {
				after.Description = have.Description
			}
			effects = append(effects, changed(have, after, r.Fingerprint))
		}
	}
	return effects, nil
}

// trustKey tells a certificate in a trust store from others, which its id does not for
// long.
type trustKey struct {
	Purpose     store.Purpose
	Fingerprint string // SHA-256, hexadecimal
}

func keysOf(rows []store.TrustCertificate) (keys []trustKey) {
	for _, row := range rows {
		keys = append(keys, trustKey{row.Purpose, fmt.Sprintf("%x", row.Fingerprint)})
	}
	return keys
}

func storesOf(keys []trustKey) (stores []store.Purpose) {
	for _, k := range keys {
		stores = append(stores, k.Purpose)
	}
	return stores
}

// rowsOf finds the rows again.
func rowsOf(ctx context.Context, s *store.Reader, keys []trustKey) (rows []store.TrustCertificate, err error) {
	there, err := trustByKey(ctx, s)
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		row, is := there[string(k.Purpose)+k.Fingerprint]
		if !is {
			return nil, apperr.Refused("the certificate with the SHA-256 %s is not in %s any more", k.Fingerprint, k.Purpose)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func trustByKey(ctx context.Context, s *store.Reader) (map[string]store.TrustCertificate, error) {
	rows, err := s.Trust(ctx, "")
	there := map[string]store.TrustCertificate{}
	for _, row := range rows {
		there[string(row.Purpose)+fmt.Sprintf("%x", row.Fingerprint)] = row
	}
	return there, err
}

// described is a certificate in a trust store, for the one who approves.
func described(c store.TrustCertificate, fingerprint string) string {
	return fmt.Sprintf("%s: %s, SHA-256 %s%s", c.Purpose, c.Subject, fingerprint, properties(c))
}

func properties(c store.TrustCertificate) (text string) {
	if c.Purpose == store.CAPFTrust {
		text += ", for " + usesOf(c)
	}
	if c.Description != "" {
		text += fmt.Sprintf(", %q", c.Description)
	}
	return text
}

func usesOf(c store.TrustCertificate) string {
	if c.For == 0 {
		return "nothing"
	}
	return strings.Join(c.For.Names(), " and ")
}

func changed(before, after store.TrustCertificate, fingerprint string) string {
	was := strings.TrimPrefix(properties(before), ", ")
	if was == "" {
		was = "without a description"
	}
	return "~ " + described(after, fingerprint) + "; was " + was
}

// edit changes what trust certificates vouch for, or their descriptions.
type edit struct {
	Rows []trustKey
	Edit store.TrustEdit

	after    []store.TrustCertificate
	outcomes []store.TrustOutcome
	warnings []string
}

// Edit is authority.TrustStores.Edit.
func (t TrustStores) Edit(ctx context.Context, rows []store.TrustCertificate, e store.TrustEdit) (after []store.TrustCertificate, outcomes []store.TrustOutcome, warnings []string, err error) {
	op := &edit{Rows: keysOf(rows), Edit: e}
	err = t.desk.take(ctx, op)
	return op.after, op.outcomes, op.warnings, err
}

func (*edit) action() string       { return editAction }
func (o *edit) subjects() []string { return subjectsOfStores(storesOf(o.Rows)...) }

func (o *edit) carryOut(ctx context.Context, d Desk) (effects []string, err error) {
	rows, err := rowsOf(ctx, d.Store.Reader, o.Rows)
	if err != nil {
		return nil, err
	}
	if o.after, o.outcomes, o.warnings, err = trustStores(d).Edit(ctx, d.Actor, rows, o.Edit); err != nil {
		return nil, err
	}
	for i, after := range o.after {
		if o.outcomes[i] == store.TrustChanged {
			effects = append(effects, changed(rows[i], after, o.Rows[i].Fingerprint))
		}
	}
	return effects, nil
}

// deletion removes certificates from trust stores.
type deletion struct{ Rows []trustKey }

// Delete is authority.TrustStores.Delete.
func (t TrustStores) Delete(ctx context.Context, rows []store.TrustCertificate) error {
	return t.desk.take(ctx, &deletion{Rows: keysOf(rows)})
}

func (*deletion) action() string       { return deleteAction }
func (o *deletion) subjects() []string { return subjectsOfStores(storesOf(o.Rows)...) }

func (o *deletion) carryOut(ctx context.Context, d Desk) (effects []string, err error) {
	rows, err := rowsOf(ctx, d.Store.Reader, o.Rows)
	if err != nil {
		return nil, err
	}
	var ids []int64
	for i, row := range rows {
		ids = append(ids, row.ID)
		effects = append(effects, "- "+described(row, o.Rows[i].Fingerprint))
	}
	return effects, trustStores(d).Delete(ctx, d.Actor, ids...)
}

func (o *edit) impact(ctx context.Context, d Desk) ([]string, error) {
	return impactOn(ctx, d, o.Rows, &o.Edit)
}

func (o *deletion) impact(ctx context.Context, d Desk) ([]string, error) {
	return impactOn(ctx, d, o.Rows, nil)
}

func impactOn(ctx context.Context, d Desk, keys []trustKey, e *store.TrustEdit) ([]string, error) {
	rows, err := rowsOf(ctx, d.Store.Reader, keys)
	if err != nil {
		return nil, err
	}
	return trustStores(d).ImpactOn(ctx, rows, e)
}
