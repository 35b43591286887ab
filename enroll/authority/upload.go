package authority

import (
	"context"
	"slices"

	"capf/internal/apperr"
	"capf/store"
)

// UploadOutcome is what became of one certificate of an upload, for one
// purpose.
type UploadOutcome string

// The outcomes of an upload.
const (
	UploadAdded   UploadOutcome = "added"
	UploadChanged UploadOutcome = "changed"
	UploadKnown   UploadOutcome = "already there"
	UploadRefused UploadOutcome = "refused"
	// UploadPrepared is a CAPF certificate that is shown later.
	UploadPrepared UploadOutcome = "prepared"
	// UploadHeldBack is a good certificate in an upload in which another one
	// was refused.
	UploadHeldBack UploadOutcome = "not stored"
	// UploadSkipped is a file whose name says that it is no certificate.
	UploadSkipped UploadOutcome = "skipped"
)

// UploadRow is one line of the result: a certificate for one purpose, or a
// file that could not be read at all.
type UploadRow struct {
	File        string
	Purpose     store.Purpose
	Subject     string
	Fingerprint string // SHA-256, hexadecimal
	Outcome     UploadOutcome
	Reason      string     // why it was refused
	Warning     string     // what is unwise about it, though it is allowed
	Impact      []string   // what phones lose by it
	For         store.Uses // what it vouches for after the upload, in capf-trust

	entry store.NewTrust
}

// UploadOptions are the choices of an upload.
type UploadOptions struct {
	Description string
	// Describe sets the description of certificates that are there already,
	// too.
	Describe bool
	// For is what the certificates vouch for in capf-trust, including those
	// that are there already. When it is 0, new ones vouch for what suits their
	// kind, and existing ones stay as they are.
	For store.Uses
	// ForeignCAPF marks another cluster's CAPF certificate, whose name would
	// otherwise be refused. Without For it vouches for that cluster's LSCs.
	ForeignCAPF bool
	// AcceptEKU accepts an issuer whose extendedKeyUsage makes its LSCs useless
	// to most verifiers (crypto.CheckIssuerPurposes).
	AcceptEKU bool
	// Strict refuses the upload if a file in it is skipped.
	Strict bool
}

// foreign reports whether the names of CAPF certificates are allowed.
func (o UploadOptions) foreign() bool { return o.ForeignCAPF || o.For.Has(store.ForForeignLSC) }

// Upload puts the certificates of files into trust stores, all in one transaction:
// when one is refused, none is stored, and the error is apperr.ErrRefused. The rows
// give the outcome of each. An existing certificate is changed as the options say
// and otherwise left alone, so that an upload may be repeated.
func (t TrustStores) Upload(ctx context.Context, actor store.Actor, files []UploadFile, o UploadOptions) ([]UploadRow, error) {
	rows, err := t.planUpload(ctx, files, o)
	if err != nil {
		return nil, err
	}
	if err := holdBack(rows, o.Strict); err != nil {
		return rows, err
	}
	if err := t.warnOfImpact(ctx, rows); err != nil {
		return nil, err
	}
	return t.store(ctx, actor, rows)
}

// warnOfImpact adds to the rows that narrow what a certificate vouches for what phones
// lose by that.
func (t TrustStores) warnOfImpact(ctx context.Context, rows []UploadRow) error {
	known, err := t.Store.Trust(ctx, "")
	if err != nil {
		return err
	}
	for i, row := range rows {
		if row.entry.IfThere.For == nil {
			continue
		}
		at := slices.IndexFunc(known, func(k store.TrustCertificate) bool { return trustKey(k) == trustKey(row.entry.TrustCertificate) })
		if at < 0 {
			continue
		}
		lines, err := t.ImpactOn(ctx, known[at:at+1], &row.entry.IfThere)
		if err != nil {
			return err
		}
		rows[i].Impact = lines
	}
	return nil
}

// holdBack refuses an upload that has a refused row or, if it is strict, a skipped
// one, and marks the other rows as not stored.
func holdBack(rows []UploadRow, strict bool) error {
	refusals := 0
	for _, row := range rows {
		if row.Outcome == UploadRefused || strict && row.Outcome == UploadSkipped {
			refusals++
		}
	}
	if refusals == 0 {
		return nil
	}
	for i := range rows {
		if rows[i].Outcome == "" {
			rows[i].Outcome = UploadHeldBack
		}
	}
	return uploadRefusal(rows, refusals)
}

// store stores the planned rows and fills in the outcome of each.
func (t TrustStores) store(ctx context.Context, actor store.Actor, rows []UploadRow) ([]UploadRow, error) {
	var list []store.NewTrust
	var at []*UploadRow
	for i := range rows {
		if rows[i].Outcome != UploadSkipped {
			list, at = append(list, rows[i].entry), append(at, &rows[i])
		}
	}
	stored, became, err := t.Store.AddTrusts(ctx, actor, list)
	if err != nil {
		return nil, err
	}
	for i, row := range at {
		row.For = stored[i].For
		switch became[i] {
		case store.TrustAdded:
			row.Outcome = UploadAdded
		case store.TrustChanged:
			row.Outcome = UploadChanged
		case store.TrustSame:
			row.Outcome = UploadKnown
		}
	}
	return rows, nil
}

// uploadRefusal words the refusal of a whole upload.
func uploadRefusal(rows []UploadRow, refusals int) error {
	if len(rows) > 1 {
		return apperr.Refused("%d of %d certificates or files cannot be taken, so nothing was stored", refusals, len(rows))
	}
	row := rows[0]
	if row.Purpose == "" {
		return apperr.Refused("%q: %s", row.File, row.Reason)
	}
	return apperr.Refused("%q for %s: %s", row.File, row.Purpose, row.Reason)
}
