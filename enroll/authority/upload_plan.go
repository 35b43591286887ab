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

// planUpload reads and checks all files. Rows that can be stored have no outcome yet.
func (t TrustStores) planUpload(ctx context.Context, files []UploadFile, o UploadOptions) (rows []UploadRow, err error) {
	known, err := t.Store.Trust(ctx, "")
	if err != nil {
		return nil, err
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
				some, err := t.planCertificate(ctx, u.name, c, f.Purposes, o, there)
				if err != nil {
					return nil, err
				}
				rows = append(rows, some...)
			}
		}
	}
	return rows, nil
}

// planCertificate plans one certificate for each of its trust stores.
func (t TrustStores) planCertificate(ctx context.Context, file string, c *x509.Certificate, purposes []store.Purpose, o UploadOptions, there map[string]store.TrustCertificate) ([]UploadRow, error) {
	var rows []UploadRow
	for _, p := range purposes {
		row := t.planRow(c, p, o, there)
		row.File = file
		if row.Outcome == "" && p == store.CAPFTrust {
			err := t.checkOurs(ctx, c, row.For)
			if err != nil && !errors.Is(err, apperr.ErrRefused) {
				return nil, err
			}
			if err != nil {
				row.Outcome, row.Reason = UploadRefused, err.Error()
			}
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// planRow plans one certificate for one trust store. there is what the stores
// will hold by then.
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
	if err != nil {
		row.Outcome, row.Reason = UploadRefused, err.Error()
		return row
	}
	if !is {
		there[key] = row.entry.TrustCertificate
	}
	row.Warning = unwise(c, p, o.For)
	return row
}

// unwise returns a warning about a certificate that is allowed but may do harm, or
// "". uses is what the operator asked for, 0 for nothing.
func unwise(c *x509.Certificate, p store.Purpose, uses store.Uses) string {
	switch {
	case p == store.CallManagerTrust && isMICRoot(c):
		return fmt.Sprintf("%q is a MIC root, which should not stay in %s", c.Subject.CommonName, p)
	case p == store.PhoneSASTTrust:
		return fmt.Sprintf("whoever has the key of %q can give any list to the phones that ask TVS", crypto.DisplayName(c))
	case p == store.CAPFTrust && uses != 0:
		if warning := unwiseUses(c, uses); warning != "" {
			return warning
		}
	}
	return tooLongForPhones(c)
}

// mostPhoneBits is the longest RSA key that phones are known to verify with.
const mostPhoneBits = 4096

// tooLongForPhones returns a warning about a CA whose signatures phones may
// be unable to verify, or "".
func tooLongForPhones(c *x509.Certificate) string {
	key, ok := c.PublicKey.(*rsa.PublicKey)
	if !ok || key.N.BitLen() <= mostPhoneBits {
		return ""
	}
	return fmt.Sprintf("%q has an RSA key of %d bits: phones are only known to verify with up to %d", crypto.DisplayName(c), key.N.BitLen(), mostPhoneBits)
}

// uses returns what a certificate vouches for after an upload; have is its
// existing row, if there is one.
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
