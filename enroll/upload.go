package enroll

import (
	"context"
	"crypto/x509"
	"fmt"

	"capf/crypto"
	"capf/crypto/certfile"
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
)

// UploadFile is a file with one certificate or a chain, PEM or DER, and the
// trust stores that it is for.
type UploadFile struct {
	Name     string
	Data     []byte
	Purposes []store.Purpose
}

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

// UploadTrust puts the certificates of files into trust stores, all in one
// transaction: when one is refused, none is stored, and the error is
// ErrRefused. The rows say what became of each. What is there already gets what
// the options say of it and stays as it is otherwise, so that an upload may be
// repeated.
func (r *Rules) UploadTrust(ctx context.Context, actor store.Actor, files []UploadFile, o UploadOptions) ([]UploadRow, error) {
	rows, refusedRows, err := r.planUpload(ctx, files, o)
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
	list := make([]store.NewTrust, len(rows))
	for i, row := range rows {
		list[i] = row.entry
	}
	stored, became, err := r.Store.AddTrusts(ctx, actor, list)
	if err != nil {
		return nil, err
	}
	for i := range rows {
		rows[i].For = stored[i].For
		switch became[i] {
		case store.TrustAdded:
			rows[i].Outcome = UploadAdded
		case store.TrustChanged:
			rows[i].Outcome = UploadChanged
		case store.TrustSame:
			rows[i].Outcome = UploadKnown
		}
	}
	return rows, nil
}

// planUpload reads and checks everything and decides nothing but refusals.
func (r *Rules) planUpload(ctx context.Context, files []UploadFile, o UploadOptions) (rows []UploadRow, refusals int, err error) {
	known, err := r.Store.Trust(ctx, "")
	if err != nil {
		return nil, 0, err
	}
	there := map[string]store.TrustCertificate{}
	for _, k := range known {
		there[string(k.Purpose)+string(k.Fingerprint)] = k
	}
	for _, f := range files {
		certs, err := certfile.Parse(f.Data)
		if err != nil {
			rows = append(rows, UploadRow{File: f.Name, Outcome: UploadRefused, Reason: err.Error()})
			refusals++
			continue
		}
		for _, c := range certs {
			for _, p := range f.Purposes {
				row := r.planRow(c, p, o, there)
				if row.File = f.Name; row.Outcome == UploadRefused {
					refusals++
				}
				rows = append(rows, row)
			}
		}
	}
	return rows, refusals, nil
}

// planRow decides about one certificate for one trust store; there is what the
// stores will hold by then.
func (r *Rules) planRow(c *x509.Certificate, p store.Purpose, o UploadOptions, there map[string]store.TrustCertificate) UploadRow {
	key := string(p) + string(fingerprint(c.Raw))
	have, is := there[key]
	row := UploadRow{Purpose: p, Subject: c.Subject.String(), Fingerprint: crypto.Fingerprint(c)}
	var edit store.TrustEdit
	if o.Describe {
		edit.Description = &o.Description
	}
	err := crypto.CheckTrust(c, crypto.Purpose(p), o.foreign(), r.Now())
	if err == nil && p == store.CAPFTrust {
		row.For = o.uses(c, have, is)
		if o.For != 0 || row.For != have.For {
			edit.For = &row.For
			err = checkUses(c, row.For)
		}
		if err == nil && !is && row.For.Has(store.ForLSC) && !o.AcceptEKU {
			err = checkPurposes(c)
		}
	}
	row.entry = store.NewTrust{TrustCertificate: trustRow(c, p, o.Description, row.For), IfThere: edit}
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
	return row
}

// uploadRefusal words the refusal of a whole upload.
func uploadRefusal(rows []UploadRow, refusals int) error {
	if len(rows) > 1 {
		return refused("%d of %d certificates or files cannot be taken, so nothing was stored", refusals, len(rows))
	}
	row := rows[0]
	if row.Purpose == "" {
		return refused("%q: %s", row.File, row.Reason)
	}
	return refused("%q for %s: %s", row.File, row.Purpose, row.Reason)
}

// checkPurposes refuses certificates whose extendedKeyUsage makes the LSCs
// below them useless.
func checkPurposes(issuers ...*x509.Certificate) error {
	for _, c := range issuers {
		if err := crypto.CheckIssuerPurposes(c); err != nil {
			return kindError{ErrRefused, err.Error()}
		}
	}
	return nil
}

// MICRoots are the certificates of a trust store, of all when the purpose is
// empty, that are the manufacturer's roots.
func (r *Rules) MICRoots(ctx context.Context, p store.Purpose) ([]store.TrustCertificate, error) {
	rows, err := r.Store.Trust(ctx, p)
	if err != nil {
		return nil, err
	}
	var roots []store.TrustCertificate
	for _, row := range rows {
		if c, err := x509.ParseCertificate(row.Certificate); err == nil && isMICRoot(c) {
			roots = append(roots, row)
		}
	}
	return roots, nil
}

// UploadChain makes the certificate that a company CA has signed the CAPF
// certificate. The files hold it and the certificates above it, in any order.
// It must be of the CAPF key (Rules.CAPFRequest asks for it), have the
// extensions of a CAPF certificate and be signed by the ones above it, of which
// the first may be in capf-trust instead. Of the options, AcceptEKU counts.
// ErrRefused says what is wrong. The certificate before it goes to capf-trust.
// Changed is false when it is the CAPF certificate already.
func (r *Rules) UploadChain(ctx context.Context, actor store.Actor, files []UploadFile, o UploadOptions) (a *crypto.Authority, changed bool, err error) {
	var certs []*x509.Certificate
	for _, f := range files {
		some, err := certfile.Parse(f.Data)
		if err != nil {
			return nil, false, refused("%q: %v", f.Name, err)
		}
		certs = append(certs, some...)
	}
	key, present, err := r.capfKey(ctx)
	if err != nil {
		return nil, false, err
	}
	chain, err := crypto.ChainFor(certs, key.Public())
	if err != nil {
		return nil, false, kindError{ErrRefused, err.Error()}
	}
	a, err = crypto.LoadAuthority(raws(chain), key, r.Now())
	if err != nil {
		return nil, false, kindError{ErrRefused, err.Error()}
	}
	if err := r.knowIssuer(ctx, chain[len(chain)-1]); err != nil {
		return nil, false, err
	}
	if sameChain(present.Chain, raws(chain)) {
		return a, false, nil
	}
	if err := checkPurposes(chain...); err != nil && !o.AcceptEKU {
		return nil, false, withHint(err, "have it signed with clientAuth and serverAuth, or without extendedKeyUsage; --accept-eku takes it all the same")
	}
	return a, true, r.Store.SaveIdentity(ctx, actor, store.Identity{Chain: raws(chain), SealedKey: present.SealedKey}, false)
}

// knowIssuer refuses a chain that ends below its root with a signature that
// nobody can check.
func (r *Rules) knowIssuer(ctx context.Context, last *x509.Certificate) error {
	if string(last.RawIssuer) == string(last.RawSubject) {
		return nil
	}
	anchors, err := r.trusted(ctx, store.ForLSC)
	if err != nil {
		return err
	}
	_, err = crypto.VerifyPath(last, anchors, nil, r.Now(), crypto.PathOptions{})
	if err == nil {
		return nil
	}
	return withHint(refused("the chain ends with %q, whose issuer is neither in the upload nor in capf-trust: %v", last.Subject.CommonName, err),
		"upload the whole chain, or the CA first: capf cert upload ca.pem --purpose capf-trust")
}

func raws(certs []*x509.Certificate) [][]byte {
	var ders [][]byte
	for _, c := range certs {
		ders = append(ders, c.Raw)
	}
	return ders
}

func sameChain(a, b [][]byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if string(a[i]) != string(b[i]) {
			return false
		}
	}
	return true
}
