package enroll

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/smallstep/pkcs7"

	"capf/crypto"
	"capf/store"
)

// ImportOutcome is what becomes of one file, or one certificate in it.
type ImportOutcome string

// The outcomes of an import.
const (
	Imported     ImportOutcome = "imported"
	ImportStale  ImportOutcome = "stale"         // the phone has made a newer key meanwhile
	AlreadyThere ImportOutcome = "already there" // an earlier import brought it
	ChainOnly    ImportOutcome = "not a phone's" // a CA certificate: never trusted by arriving
	Skipped      ImportOutcome = "skipped"       // not a certificate, by its name
	RefusedRow   ImportOutcome = "refused"
)

// ImportRow is one line of the plan.
type ImportRow struct {
	Source  string        `json:"source"`
	Device  string        `json:"device"`
	Serial  string        `json:"serial"`
	Outcome ImportOutcome `json:"outcome"`
	Reason  string        `json:"reason"`
}

// ImportOptions are the choices of an import.
type ImportOptions struct {
	DryRun bool
	Device string               // only certificates for this device
	Row    func(ImportRow)      // sees each line of the plan as it is made; may be nil
	Ready  func(r ImportReport) // called between the plan and its application; may be nil
}

// ImportReport is what an import did, or would do.
type ImportReport struct {
	Outcomes map[ImportOutcome]int
	// MissingCAs are the issuers that are not in capf-trust, with what to do.
	MissingCAs []string
	// NotForCallManager are issuers that the call server does not trust yet.
	NotForCallManager []string
	DryRun            bool
}

// Count is how many rows had the outcome.
func (r ImportReport) Count(o ImportOutcome) int { return r.Outcomes[o] }

// ImportCertificates brings certificates back that another CA has made. Each is
// matched to its request by its key, never by a name, and checked: the phone's
// own, an end-entity certificate with the usages that phones need, valid now,
// and signed by a CA whose chain is in capf-trust. All good ones are kept in
// one transaction; a second run changes nothing. The plan is spooled to disk,
// so that the memory does not grow with the certificates.
//
// An error means that nothing was kept: ErrRefused when a source cannot be
// trusted as a whole, store.ErrConflict when requests have moved on since the
// plan was made.
func (r *Rules) ImportCertificates(ctx context.Context, actor store.Actor, source Source, o ImportOptions) (ImportReport, error) {
	return r.ImportAll(ctx, actor, []Source{source}, o)
}

// ImportAll is ImportCertificates for several sources.
func (r *Rules) ImportAll(ctx context.Context, actor store.Actor, sources []Source, o ImportOptions) (ImportReport, error) {
	p, err := r.newPlan(ctx, o)
	if err != nil {
		return ImportReport{}, err
	}
	defer p.spool.discard()
	var c counter
	for _, s := range sources {
		err := c.walk(s, func(e entry) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return p.entry(ctx, e)
		})
		if err != nil {
			return p.report, err
		}
	}
	p.conclude()
	if o.Ready != nil {
		o.Ready(p.report)
	}
	if o.DryRun || p.spool.count == 0 {
		return p.report, nil
	}
	if err := p.spool.rewind(); err != nil {
		return p.report, err
	}
	_, err = r.Store.ImportLSCs(ctx, actor, p.spool.next)
	if errors.Is(err, store.ErrConflict) {
		err = withHint(err, "phones have enrolled meanwhile: nothing was imported; run the import again")
	}
	return p.report, err
}

// plan decides about each certificate, one after the other.
type plan struct {
	*Rules
	options ImportOptions
	anchors []*x509.Certificate // capf-trust
	call    map[string]bool     // fingerprints in callmanager-trust
	spool   *spool
	report  ImportReport
	keys    map[[32]byte][32]byte // key to certificate, of what is in this import
	missing map[string]bool       // issuers, as MissingCAs
	untold  map[string]bool       // issuers, as NotForCallManager
	brought map[string]bool       // subjects of CA certificates in this import
}

func (r *Rules) newPlan(ctx context.Context, o ImportOptions) (*plan, error) {
	p := &plan{
		Rules: r, options: o, call: map[string]bool{}, report: ImportReport{Outcomes: map[ImportOutcome]int{}, DryRun: o.DryRun},
		keys: map[[32]byte][32]byte{}, missing: map[string]bool{}, untold: map[string]bool{}, brought: map[string]bool{},
	}
	rows, err := r.Store.Trust(ctx, "")
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		if row.Purpose == store.CallManagerTrust {
			p.call[string(row.Fingerprint)] = true
			continue
		}
		c, err := x509.ParseCertificate(row.Certificate)
		if err != nil {
			return nil, fmt.Errorf("reading a certificate of capf-trust: %w", err)
		}
		p.anchors = append(p.anchors, c)
	}
	p.spool, err = newSpool()
	return p, err
}

func (p *plan) row(row ImportRow) {
	p.report.Outcomes[row.Outcome]++
	if p.options.Row != nil {
		p.options.Row(row)
	}
}

// entry decides about one file.
func (p *plan) entry(ctx context.Context, e entry) error {
	row := ImportRow{Source: e.name, Outcome: RefusedRow, Reason: e.problem}
	switch {
	case e.skipped:
		row.Outcome, row.Reason = Skipped, "its name is not that of a certificate"
		p.row(row)
		return nil
	case e.problem != "":
		p.row(row)
		return nil
	}
	certs, err := readCertificates(e.data)
	if err != nil {
		row.Reason = err.Error()
		p.row(row)
		return nil
	}
	for _, c := range certs {
		if err := p.certificate(ctx, e.name, c); err != nil {
			return err
		}
	}
	return nil
}

// readCertificates takes what CAs send: PEM or DER, one certificate or many, or
// a PKCS#7 with a chain, in PEM or DER.
func readCertificates(data []byte) ([]*x509.Certificate, error) {
	der := data
	if block, _ := pem.Decode(data); block != nil {
		switch block.Type {
		case "CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST":
			return nil, errors.New("it is a certificate request, which a CA still has to sign")
		case "PKCS7", "CMS":
			der = block.Bytes
		}
	} else if _, err := x509.ParseCertificateRequest(data); err == nil {
		return nil, errors.New("it is a certificate request, which a CA still has to sign")
	}
	if bytes.HasPrefix(data, []byte{0x1f, 0x8b}) || bytes.HasPrefix(data, []byte("PK\x03\x04")) {
		return nil, errors.New("it is an archive inside the archive")
	}
	if p7, err := pkcs7.Parse(der); err == nil && len(p7.Certificates) > 0 {
		return p7.Certificates, nil
	}
	return crypto.ParseCertificates(data)
}

// certificate decides about one certificate.
func (p *plan) certificate(ctx context.Context, source string, c *x509.Certificate) error {
	row := ImportRow{Source: source, Serial: c.SerialNumber.Text(16), Outcome: RefusedRow}
	key := crypto.KeyHash(c.RawSubjectPublicKeyInfo)
	request, err := p.Store.RequestByKey(ctx, key[:])
	switch {
	case errors.Is(err, store.ErrNotFound) && c.IsCA:
		p.brought[string(c.RawSubject)] = true
		row.Outcome, row.Reason = ChainOnly, fmt.Sprintf("the CA certificate of %q; capf cert upload puts it into a trust store", c.Subject.CommonName)
		p.row(row)
		return nil
	case errors.Is(err, store.ErrNotFound):
		row.Reason = fmt.Sprintf("no phone has sent the key of the certificate of %q", c.Subject.CommonName)
		p.row(row)
		return nil
	case err != nil:
		return err
	}
	row.Device = request.Device
	if p.options.Device != "" && !strings.EqualFold(p.options.Device, request.Device) {
		row.Outcome, row.Reason = Skipped, "it is for another device"
		p.row(row)
		return nil
	}
	row.Outcome, row.Reason, err = p.judge(ctx, request, c, key)
	if err != nil {
		return err
	}
	if row.Outcome == Imported || row.Outcome == ImportStale {
		if err := p.spool.add(request.ID, c.Raw); err != nil {
			return err
		}
	}
	p.row(row)
	return nil
}

// judge checks a certificate against its request.
func (p *plan) judge(ctx context.Context, request store.Request, c *x509.Certificate, key [32]byte) (ImportOutcome, string, error) {
	hash := [32]byte(fingerprint(c.Raw))
	if first, ok := p.keys[key]; ok {
		if first == hash {
			return AlreadyThere, "it is in this import twice", nil
		}
		return RefusedRow, "another certificate for the same key is in this import", nil
	}
	if request.State == store.RequestIssued || request.State == store.RequestSuperseded {
		lsc, err := p.Store.LSCOfRequest(ctx, request.ID)
		switch {
		case err == nil && [32]byte(lsc.Fingerprint) == hash:
			return AlreadyThere, fmt.Sprintf("the LSC is %s", lsc.State), nil
		case err == nil:
			return RefusedRow, fmt.Sprintf("the request has another LSC already, which is %s", lsc.State), nil
		case !errors.Is(err, store.ErrNotFound):
			return "", "", err
		}
	}
	if request.State == store.RequestRejected {
		return RefusedRow, "the request has been rejected", nil
	}
	if reason := p.unfit(request, c, key); reason != "" {
		return RefusedRow, reason, nil
	}
	_, err := p.Store.LSCBySerial(ctx, c.Issuer.String(), c.SerialNumber.Text(16))
	if err == nil {
		return RefusedRow, "its issuer has used the serial number before", nil
	}
	if !errors.Is(err, store.ErrNotFound) {
		return "", "", err
	}
	p.keys[key] = hash
	if request.State == store.RequestSuperseded {
		return ImportStale, "the phone has made a newer key", nil
	}
	return Imported, "", nil
}

// unfit says why a certificate cannot be a phone's LSC, "" when it can.
func (p *plan) unfit(request store.Request, c *x509.Certificate, key [32]byte) string {
	want := crypto.Expect{KeyHash: key, CommonName: request.Device}
	if csr, err := x509.ParseCertificateRequest(request.CSR); err == nil && !strings.EqualFold(c.Subject.CommonName, request.Device) {
		want.CommonName = csr.Subject.CommonName // with a MIC at hand, it is the MIC's
	}
	if err := crypto.CheckLSC(c.Raw, want, p.Now()); err != nil {
		return err.Error()
	}
	chain, err := crypto.VerifyPath(c, p.anchors, nil, p.Now(), crypto.PathOptions{})
	if err != nil {
		if !p.knows(c) {
			p.missing[string(c.RawIssuer)] = true
			return fmt.Sprintf("its issuer %q is not in capf-trust", c.Issuer)
		}
		return err.Error()
	}
	if len(chain) > 1 && !p.call[string(fingerprint(chain[1].Raw))] {
		p.untold[chain[1].Subject.String()] = true
	}
	return ""
}

// knows says whether some certificate in capf-trust bears the issuer's name.
func (p *plan) knows(c *x509.Certificate) bool {
	for _, a := range p.anchors {
		if bytes.Equal(a.RawSubject, c.RawIssuer) {
			return true
		}
	}
	return false
}

// conclude words what an operator has to do about trust.
func (p *plan) conclude() {
	for raw := range p.missing {
		text := fmt.Sprintf("%q is not in capf-trust: upload it with %q", nameFromDER(raw), "capf cert upload FILE --purpose capf-trust --purpose callmanager-trust")
		if p.brought[raw] {
			text += " (the import holds it, but is not trusted for that)"
		}
		p.report.MissingCAs = append(p.report.MissingCAs, text)
	}
	for subject := range p.untold {
		p.report.NotForCallManager = append(p.report.NotForCallManager, subject)
	}
}
