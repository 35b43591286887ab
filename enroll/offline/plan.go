package offline

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"

	"capf/crypto"
	"capf/crypto/certfile"
	"capf/enroll/acceptance"
	"capf/enroll/settings"
	"capf/internal/apperr"
	"capf/internal/wildcard"
	"capf/store"
)

// plan decides about the certificates of an import, one after the other.
type plan struct {
	store    *store.Reader
	options  ImportOptions
	rule     acceptance.Rule
	others   map[string]bool // subjects in capf-trust that do not vouch for LSCs
	call     map[string]bool // fingerprints in callmanager-trust
	file     *planFile
	report   ImportReport
	planned  map[int64]brief // new certificates of this import, by request
	serials  map[brief]bool  // serial numbers of this import, each hashed with its issuer
	unsigned int             // how many of the files are requests
	trust    trustAdvice
}

// brief is the beginning of a SHA-256: enough to tell two certificates from a
// repeated one.
type brief [16]byte

func serialOf(l store.LSC) brief {
	sum := sha256.Sum256([]byte(l.Serial + " " + l.Issuer))
	return brief(sum[:])
}

func (c CA) newPlan(ctx context.Context, o ImportOptions) (*plan, error) {
	p := &plan{
		store: c.Store.Reader, options: o, call: map[string]bool{}, others: map[string]bool{}, report: ImportReport{Outcomes: map[Outcome]int{}},
		planned: map[int64]brief{}, serials: map[brief]bool{}, trust: newTrustAdvice(),
	}
	inForce, err := settings.Read(ctx, c.Store.Reader)
	if err != nil {
		return nil, err
	}
	p.rule = acceptance.Rule{Now: c.Now(), Leniency: inForce.Online.Leniency}
	rows, err := c.Store.Trust(ctx, "")
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		switch {
		case row.Purpose == store.CallManagerTrust:
			p.call[string(row.Fingerprint)] = true
			continue
		case row.Purpose != store.CAPFTrust:
			continue
		case !row.For.Has(store.ForLSC):
			p.others[row.Subject] = true
			continue
		}
		c, err := x509.ParseCertificate(row.Certificate)
		if err != nil {
			return nil, fmt.Errorf("reading a certificate of capf-trust: %w", err)
		}
		p.rule.Trusted = append(p.rule.Trusted, c)
	}
	p.file, err = newPlanFile()
	return p, err
}

// candidate is a certificate with everything that can be found out without
// the database.
type candidate struct {
	*x509.Certificate
	key     [32]byte
	lsc     store.LSC
	chain   []*x509.Certificate // to capf-trust
	pathErr error               // why there is no chain
}

// prepare reads the certificates of an entry and looks for their chains. It
// runs concurrently with decide and with itself.
func (p *plan) prepare(j *item) {
	if j.Problem != "" || j.Skipped != "" {
		return
	}
	var certs []*x509.Certificate
	if certs, j.err = certfile.Certificates(j.Data); j.err != nil {
		return
	}
	for _, cert := range certs {
		c := candidate{Certificate: cert, key: crypto.KeyHash(cert.RawSubjectPublicKeyInfo), lsc: acceptance.LSC(cert)}
		if !cert.IsCA {
			c.chain, c.pathErr = p.rule.Path(cert, nil)
		}
		j.certs = append(j.certs, c)
	}
}

func (p *plan) row(row Row) error {
	p.report.Outcomes[row.Outcome]++
	if p.options.Row == nil {
		return nil
	}
	return p.options.Row(row)
}

// shownName is the length to which a name from an archive is cut for
// display.
const shownName = 200

// decide makes the rows for an entry.
func (p *plan) decide(ctx context.Context, j *item) error {
	name := j.Name
	if len(name) > shownName {
		name = name[:shownName] + "…"
	}
	problem := j.Problem
	if j.err != nil {
		problem = j.err.Error()
	}
	switch {
	case j.Skipped != "":
		if j.Request {
			p.unsigned++
		}
		return p.row(Row{Source: name, Outcome: Skipped, Reason: j.Skipped})
	case problem != "":
		if j.Block > 1 {
			problem = fmt.Sprintf("PEM block %d: %s", j.Block, problem)
		}
		return p.row(Row{Source: name, Outcome: Refused, Reason: problem})
	}
	for _, c := range j.certs {
		row, err := p.certificate(ctx, c, name)
		if err == nil {
			err = p.row(row)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// certificate decides about one certificate.
func (p *plan) certificate(ctx context.Context, c candidate, source string) (Row, error) {
	row := Row{Source: source, Serial: c.lsc.Serial, Outcome: Refused}
	request, err := p.store.RequestByKey(ctx, c.key[:], c.Subject.CommonName)
	switch {
	case errors.Is(err, store.ErrNotFound) && c.IsCA:
		p.trust.bring(c.Certificate, source)
		row.Outcome, row.Reason = ChainOnly, fmt.Sprintf("the CA certificate %q", crypto.DisplayName(c.Certificate))
		return row, nil
	case errors.Is(err, store.ErrNotFound):
		row.Reason = fmt.Sprintf("no phone has sent the key of the certificate %q", crypto.DisplayName(c.Certificate))
		return row, nil
	case err != nil:
		return row, err
	}
	row.Device = request.Device
	if p.options.Device != "" && !wildcard.Match(p.options.Device, request.Device) {
		row.Outcome, row.Reason = Skipped, "it is for another device"
		return row, nil
	}
	if row.Outcome, row.Reason, err = p.judge(ctx, request, c); err != nil {
		return row, err
	}
	if row.Outcome == Imported || row.Outcome == Stale {
		p.planned[request.ID] = brief(c.lsc.Fingerprint)
		p.serials[serialOf(c.lsc)] = true
		err = p.file.add(request.ID, c.lsc)
	}
	return row, err
}

// judge checks a certificate against its request.
func (p *plan) judge(ctx context.Context, request store.Request, c candidate) (Outcome, string, error) {
	if first, ok := p.planned[request.ID]; ok {
		if first == brief(c.lsc.Fingerprint) {
			return AlreadyThere, "it is in this import twice", nil
		}
		return Refused, "another certificate for the same key is in this import", nil
	}
	if request.State == store.RequestRejected {
		return Refused, "the request has been rejected", nil
	}
	if outcome, reason, err := p.judgeRepeated(ctx, request, c); outcome != "" || err != nil {
		return outcome, reason, err
	}
	reason, doubts := p.refusal(request, c)
	if reason != "" {
		return Refused, reason, nil
	}
	if p.serials[serialOf(c.lsc)] {
		return Refused, "its issuer has used the serial number for another certificate in this import", nil
	}
	_, err := p.store.LSCBySerial(ctx, c.lsc.Issuer, c.lsc.Serial)
	switch {
	case err == nil:
		return Refused, "its issuer has used the serial number before", nil
	case !errors.Is(err, store.ErrNotFound):
		return "", "", err
	case request.State == store.RequestSuperseded && request.DeviceID == 0:
		return Stale, "the device has been deleted", nil
	case request.State == store.RequestSuperseded:
		return Stale, cmp.Or(request.Reason, "the phone has made a newer key"), nil
	}
	return Imported, doubtsWarning(doubts), nil
}

// doubtsWarning words the doubts about a certificate that is imported.
func doubtsWarning(doubts []string) string {
	if len(doubts) == 0 {
		return ""
	}
	return "warning: " + strings.Join(doubts, "; ")
}

// judgeRepeated decides about a certificate whose request already has, or had, one.
func (p *plan) judgeRepeated(ctx context.Context, request store.Request, c candidate) (Outcome, string, error) {
	if request.State == store.RequestPending {
		return "", "", nil
	}
	lsc, err := p.store.LSCOfRequest(ctx, request.ID)
	switch {
	case errors.Is(err, store.ErrNotFound) && request.State == store.RequestIssued:
		return AlreadyThere, "the request had its LSC, which has been deleted", nil
	case errors.Is(err, store.ErrNotFound):
		return "", "", nil
	case err != nil:
		return "", "", err
	case bytes.Equal(lsc.Fingerprint, c.lsc.Fingerprint):
		return AlreadyThere, fmt.Sprintf("the LSC is %s", lsc.State), nil
	}
	return Refused, fmt.Sprintf("the request has another LSC already, which is %s", lsc.State), nil
}

// refusal says why a certificate cannot be a phone's LSC. The reason is "" when it
// can; doubts are then what is unwise about it.
func (p *plan) refusal(request store.Request, c candidate) (reason string, doubts []string) {
	want := p.rule.Expect(c.key, request.Device, request.Device)
	if !strings.EqualFold(c.Subject.CommonName, request.Device) {
		want.CommonName = acceptance.NameAsked(request)
	}
	if err := crypto.CheckLSC(c.Raw, want, p.rule.Now); err != nil {
		return err.Error(), nil
	}
	if c.pathErr != nil {
		if p.others[c.Issuer.String()] && !p.isLSCIssuer(c.RawIssuer) {
			return fmt.Sprintf("its issuer %q is in capf-trust, but does not vouch for LSCs (capf cert set ID --for lsc)", c.Issuer), nil
		}
		if !p.isLSCIssuer(c.RawIssuer) {
			p.trust.miss(c.RawIssuer)
			return fmt.Sprintf("its issuer %q is not in capf-trust", c.Issuer), nil
		}
		return c.pathErr.Error(), nil
	}
	p.advise(c.chain[1:])
	return "", crypto.DoubtsAboutLSC(c.chain, want)
}

// isLSCIssuer reports whether a certificate that vouches for LSCs has this
// subject.
func (p *plan) isLSCIssuer(rawName []byte) bool {
	return slices.ContainsFunc(p.rule.Trusted, func(a *x509.Certificate) bool { return bytes.Equal(a.RawSubject, rawName) })
}

// advise notes which CAs above a good certificate are missing. Any of them will
// do as an anchor, but capf-trust should have the whole chain, and so should
// callmanager-trust, for the call server.
func (p *plan) advise(chain []*x509.Certificate) {
	if len(chain) == 0 || p.trust.markSeen(chain[0]) {
		return
	}
	for len(chain) > 0 {
		top := chain[len(chain)-1]
		for _, c := range chain {
			if !p.call[string(crypto.RawFingerprint(c.Raw))] {
				p.trust.missForCallManager(c)
			}
		}
		if bytes.Equal(top.RawSubject, top.RawIssuer) {
			return
		}
		rest := slices.DeleteFunc(slices.Clone(p.rule.Trusted), top.Equal)
		above, err := crypto.VerifyPath(top, rest, nil, p.rule.Now, crypto.PathOptions{})
		if err != nil {
			p.trust.miss(top.RawIssuer)
			return
		}
		chain = above[1:]
	}
}

// conclude words what an operator has to do about trust. It fails when all
// files are requests: the operator took the wrong archive.
func (p *plan) conclude() error {
	if skipped := p.report.Count(Skipped); p.unsigned > 0 && len(p.report.Outcomes) == 1 && skipped > 0 {
		return apperr.WithHint(apperr.Refused("there is no certificate in it, only requests"),
			"have them signed by a CA, and import what it has made")
	}
	p.report.MissingCAs, p.report.NotForCallManager = p.trust.conclude()
	return nil
}
