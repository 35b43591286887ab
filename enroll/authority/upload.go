package authority

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"

	"capf/crypto"
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
	// UploadHeldBack is a good certificate of an upload in which another one
	// was refused.
	UploadHeldBack UploadOutcome = "not stored"
	// UploadSkipped is a file that is no certificate by its name.
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
	Warning     string     // what is unwise about it though it is allowed
	For         store.Uses // what it vouches for then, in capf-trust

	entry store.NewTrust
}

// UploadOptions are the choices of an upload.
type UploadOptions struct {
	Description string
	// Describe gives the description also to what is there already.
	Describe bool
	// For is what the certificates in capf-trust vouch for, also those that are
	// there already. With none it follows from their kind, and those that are
	// there stay as they are.
	For store.Uses
	// ForeignCAPF marks another cluster's CAPF certificate, whose name would
	// otherwise be refused; without For it vouches for that cluster's LSCs.
	ForeignCAPF bool
	// AcceptEKU takes an issuer of LSCs whose extendedKeyUsage makes them useless
	// to most verifiers (crypto.CheckIssuerPurposes).
	AcceptEKU bool
}

// foreign says whether the names of CAPF certificates are allowed.
func (o UploadOptions) foreign() bool { return o.ForeignCAPF || o.For.Has(store.ForForeignLSC) }

// Upload puts the certificates of files into trust stores, all in one
// transaction: when one is refused, none is stored, and the error is
// apperr.ErrRefused. The rows say what became of each. What is there already gets what
// the options say of it and stays as it is otherwise, so that an upload may be
// repeated.
func (t TrustStores) Upload(ctx context.Context, actor store.Actor, files []UploadFile, o UploadOptions) ([]UploadRow, error) {
	rows, refusedRows, err := t.planUpload(ctx, files, o)
	if err != nil {
		return nil, err
	}
	if refusedRows > 0 {
		for i := range rows {
			if rows[i].Outcome == "" {
				rows[i].Outcome = UploadHeldBack
			}
		}
		return rows, uploadRefusal(rows, refusedRows)
	}
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

// planUpload reads and checks everything and decides nothing but refusals.
func (t TrustStores) planUpload(ctx context.Context, files []UploadFile, o UploadOptions) (rows []UploadRow, refusals int, err error) {
	known, err := t.Store.Trust(ctx, "")
	if err != nil {
		return nil, 0, err
	}
	there := map[string]store.TrustCertificate{}
	for _, k := range known {
		there[string(k.Purpose)+string(k.Fingerprint)] = k
	}
	for _, f := range files {
		for _, u := range f.read() {
			switch {
			case u.skipped != "":
				rows = append(rows, UploadRow{File: u.name, Outcome: UploadSkipped, Reason: u.skipped})
			case u.problem != "":
				rows = append(rows, UploadRow{File: u.name, Outcome: UploadRefused, Reason: u.problem})
			}
			for _, c := range u.certs {
				for _, p := range f.Purposes {
					row := t.planRow(c, p, o, there)
					row.File = u.name
					if row.Outcome == "" && p == store.CAPFTrust {
						err := t.checkOurs(ctx, c, row.For)
						if err != nil && !errors.Is(err, apperr.ErrRefused) {
							return nil, 0, err
						}
						if err != nil {
							row.Outcome, row.Reason = UploadRefused, err.Error()
						}
					}
					rows = append(rows, row)
				}
			}
		}
	}
	for _, row := range rows {
		if row.Outcome == UploadRefused {
			refusals++
		}
	}
	return rows, refusals, nil
}

// planRow decides about one certificate for one trust store; there is what the
// stores will hold by then.
func (t TrustStores) planRow(c *x509.Certificate, p store.Purpose, o UploadOptions, there map[string]store.TrustCertificate) UploadRow {
	key := string(p) + string(crypto.RawFingerprint(c.Raw))
	have, is := there[key]
	row := UploadRow{Purpose: p, Subject: c.Subject.String(), Fingerprint: crypto.Fingerprint(c)}
	var edit store.TrustEdit
	if o.Describe {
		edit.Description = &o.Description
	}
	err := crypto.CheckTrust(c, crypto.Purpose(p), o.foreign(), t.Now())
	if err == nil && p == store.CAPFTrust {
		row.For = o.uses(c, have, is)
		if o.For != 0 || row.For != have.For {
			edit.For = &row.For
			err = checkUses(c, row.For)
		}
		if err == nil && !is && row.For.Has(store.ForLSC) && !o.AcceptEKU {
			err = CheckPurposes(c)
		}
	}
	row.entry = store.NewTrust{TrustCertificate: TrustRow(c, p, o.Description, row.For), IfThere: edit}
	switch {
	case err != nil:
		row.Outcome, row.Reason = UploadRefused, err.Error()
		return row
	case !is:
		there[key] = row.entry.TrustCertificate
	}
	switch {
	case p == store.CallManagerTrust && isMICRoot(c):
		row.Warning = fmt.Sprintf("%q is a MIC root, which should not stay in %s", c.Subject.CommonName, p)
	case o.For != 0 && p == store.CAPFTrust:
		row.Warning = unwiseUses(c, o.For)
	}
	if row.Warning == "" {
		row.Warning = tooLongForPhones(c)
	}
	return row
}

// mostPhoneBits is the longest RSA key that phones are known to verify with.
const mostPhoneBits = 4096

// tooLongForPhones warns of a CA whose signatures phones may not verify, ""
// when there is nothing to warn of.
func tooLongForPhones(c *x509.Certificate) string {
	key, ok := c.PublicKey.(*rsa.PublicKey)
	if !ok || key.N.BitLen() <= mostPhoneBits {
		return ""
	}
	return fmt.Sprintf("%q has an RSA key of %d bits: phones are only known to verify with up to %d", crypto.DisplayName(c), key.N.BitLen(), mostPhoneBits)
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

// uses are what a certificate vouches for after an upload; have is the row of
// one that is there.
func (o UploadOptions) uses(c *x509.Certificate, have store.TrustCertificate, is bool) store.Uses {
	switch {
	case o.For != 0:
		return o.For
	case is && o.ForeignCAPF:
		return have.For | store.ForForeignLSC
	case is:
		return have.For
	}
	return usesByKind(c, o.ForeignCAPF)
}
