package onlineca

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
)

const certsrv = "/certsrv/"

// microsoft speaks to the Web Enrollment role of AD CS: pages for a browser.
type microsoft struct {
	*link

	mu    sync.Mutex // guards chain
	chain []*x509.Certificate
}

func newMicrosoft(l *link) *microsoft {
	l.greeting = certsrv
	return &microsoft{link: l}
}

// unknownRequest is what a CA answers when it has no certificate under a number.
const unknownRequest = "0x80094004"

var requestIDs = pattern(`^[0-9]{1,10}$`)

// submit posts the form of the advanced request page. It fetches nothing: the
// caller keeps the number first.
func (m *microsoft) submit(ctx context.Context, csr *x509.CertificateRequest) (Answer, error) {
	form := url.Values{
		"Mode":             {"newreq"},
		"CertRequest":      {string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: csr.Raw}))},
		"CertAttrib":       {""},
		"TargetStoreFlags": {"0"},
		"SaveCert":         {"yes"},
	}
	if m.Template != "" { // a stand-alone CA has none
		form.Set("CertAttrib", "CertificateTemplate:"+m.Template+"\r\n")
	}
	sum := sha256.Sum256(csr.Raw)
	c := call{subject: string(sum[:]), doing: "sending the request to the CA", method: http.MethodPost, path: certsrv + "certfnsh.asp",
		contentType: "application/x-www-form-urlencoded", body: []byte(form.Encode())}
	r, err := m.do(ctx, c)
	if err != nil {
		return Answer{}, err
	}
	if !r.succeeded() {
		return Answer{}, m.statusError(c, r)
	}
	switch all, err := certificates(r.body); { // in place of a page about it
	case err == nil:
		leaf := leafOf(all, csr.PublicKey)
		return Answer{State: Issued, Leaf: leaf.Raw, Chain: m.chainAbove(ctx, leaf, all)}, nil
	case oddCertificate(err, csr) != nil:
		return Answer{}, &Error{Kind: ErrUnreachable, Doing: c.doing, Reason: "the answer is no certificate that we can use", Err: err, Sent: true, Certificate: oddCertificate(err, csr)}
	}
	answer, err := m.outcome(c, r, "")
	if err == nil && answer.RequestID == "" {
		return Answer{}, m.unreadable(c, r, "the CA has taken the request but its page names no request number")
	}
	return answer, err
}

// outcome reads the page that the CA sends about a request. Of a page that
// came only in part, the part may hold the number, which must not be lost.
func (m *microsoft) outcome(c call, r *reply, requestID string) (Answer, error) {
	p := classify(r.body)
	if p.requestID == "" {
		p.requestID = requestID
	}
	switch p.kind {
	case pageIssued:
		return Answer{State: Issued, RequestID: p.requestID}, nil
	case pagePending:
		return Answer{State: Pending, RequestID: p.requestID}, nil
	case pageDenied, pageFailed:
		e := m.refusal(c, p)
		if requestID != "" && p.kind == pageFailed && p.code != unknownRequest {
			e.Kind = ErrUnreachable // a certificate that exists is not given up for an odd page
		}
		return Answer{}, e
	}
	if r.short != nil {
		return Answer{}, &Error{Kind: ErrUnreachable, Doing: c.doing, Reason: "the answer cannot be read", Err: r.short,
			RequestID: requestID, Sent: r.posted}
	}
	return Answer{}, m.unreadable(c, r, "what answers is not a page of Web Enrollment")
}

func (m *microsoft) refusal(c call, p page) *Error {
	e := &Error{Kind: ErrRejected, Doing: c.doing, Reason: "the CA denied the request", Code: p.code,
		Words: m.words(p.words), Advice: advice(p.code), RequestID: p.requestID}
	if p.kind == pageFailed {
		e.Reason = "the CA failed on the request"
	}
	e.Decided = p.kind == pageDenied || p.code == unknownRequest
	if p.kind == pageDenied && notReached[p.code] { // the CA itself has said that
		e.Advice = "the account has no access: check its rights on the CA and on the template"
	}
	if p.kind == pageFailed && (away[p.code] || notReached[p.code]) {
		e.Kind, e.Reason, e.again = ErrUnreachable, "the CA behind the web page is not available", notReached[p.code]
	}
	return e
}

func (m *microsoft) unreadable(c call, r *reply, reason string) *Error {
	return &Error{Kind: ErrUnreachable, Doing: c.doing, Reason: reason, Words: m.words(classify(r.body).words),
		Sent: r.posted, Advice: "open https://" + m.base().Host + certsrv + " in a browser and compare; look for a proxy in between"}
}

// fetch brings a certificate by its request number, and its chain unless it is
// known from an earlier one. It is also how a pending request is polled: while
// there is no certificate, the CA answers with a page that says why.
func (m *microsoft) fetch(ctx context.Context, requestID string) (Answer, error) {
	doing := "fetching the certificate of request " + strconv.Quote(plain(requestID, 20))
	if !requestIDs().MatchString(requestID) {
		return Answer{}, &Error{Kind: ErrRejected, Doing: doing, Reason: "it is not a request number"}
	}
	c := call{subject: requestID, doing: doing, path: certsrv + "certnew.cer?ReqID=" + requestID + "&Enc=bin"}
	r, err := m.get(ctx, c)
	if err != nil {
		return Answer{}, withRequest(err, requestID)
	}
	all, err := certificates(r.body)
	if errors.Is(err, errPage) {
		answer, err := m.outcome(c, r, requestID)
		if err == nil && answer.State == Issued {
			return Answer{}, withRequest(m.unreadable(c, r, "the CA sends a page instead of the certificate"), requestID)
		}
		return answer, withRequest(err, requestID)
	}
	if err != nil {
		return Answer{}, &Error{Kind: ErrUnreachable, Doing: doing, Reason: "the answer is no certificate that we can use", Err: err,
			RequestID: requestID, Certificate: oddCertificate(err, nil)}
	}
	leaf := leafOf(all, nil)
	chain, err := m.chainFor(ctx, leaf, requestID)
	if err != nil {
		return Answer{}, withRequest(err, requestID)
	}
	return Answer{State: Issued, RequestID: requestID, Leaf: leaf.Raw, Chain: chain}, nil
}

// withRequest puts the number of the request into an error.
func withRequest(err error, requestID string) error {
	var e *Error
	if errors.As(err, &e) {
		e.RequestID = requestID
	}
	return err
}

// chainFor brings the certificates above a leaf. They are the same for every
// request until the CA is renewed, so the last ones are kept as long as they
// issue what comes. A server that has no chain to give gives an empty one; one
// that does not answer is an error, for the caller fetches again, unless the
// issuer is in capf-trust.
func (m *microsoft) chainFor(ctx context.Context, leaf *x509.Certificate, requestID string) ([][]byte, error) {
	m.mu.Lock()
	known := m.chain
	m.mu.Unlock()
	if len(known) > 0 && issued(known[0], leaf) {
		return rawOf(known), nil
	}
	r, err := m.get(ctx, call{subject: requestID, doing: "fetching the chain of request " + requestID, path: certsrv + "certnew.p7b?ReqID=" + requestID + "&Enc=bin"})
	var failure *Error
	if errors.As(err, &failure) && (failure.again || failure.dead) && !m.trusts(leaf) {
		return nil, err
	}
	if err != nil {
		return nil, nil
	}
	all, err := certificates(r.body)
	if err != nil {
		m.Log.Warn("online CA sends no chain", "host", m.Host, "request", requestID, "error", err)
		return nil, nil
	}
	chain := chainOf(leaf, all)
	known = nil
	for _, der := range chain {
		if c, err := x509.ParseCertificate(der); err == nil {
			known = append(known, c)
		}
	}
	m.mu.Lock()
	m.chain = known
	m.mu.Unlock()
	return chain, nil
}

// chainAbove is the chain of a certificate that came without a number: what came
// with it, or else the certificates of the CA. That they cannot be had must not
// lose the certificate.
func (m *microsoft) chainAbove(ctx context.Context, leaf *x509.Certificate, came []*x509.Certificate) [][]byte {
	if chain := chainOf(leaf, came); len(chain) > 0 || m.trusts(leaf) {
		return chain
	}
	ders, err := m.caCertificates(ctx)
	if err != nil {
		m.Log.Warn("online CA sends no chain", "host", m.Host, "error", err)
		return nil
	}
	var all []*x509.Certificate
	for _, der := range ders {
		if c, err := x509.ParseCertificate(der); err == nil {
			all = append(all, c)
		}
	}
	return chainOf(leaf, all)
}

// trusts says whether the issuer of the leaf is in capf-trust.
func (m *microsoft) trusts(leaf *x509.Certificate) bool {
	return slices.ContainsFunc(m.Issuers, func(c *x509.Certificate) bool { return issued(c, leaf) })
}

// renewals stands in a script of the page that offers the CA's certificates:
// how often the CA was renewed, and so the number of its newest certificate.
var renewals = pattern(`\bnRenewals\s*=\s*([0-9]{1,3})\s*;`)

func (m *microsoft) caCertificates(ctx context.Context) ([][]byte, error) {
	c := call{doing: "fetching the CA's certificates", path: certsrv + "certcarc.asp"}
	r, err := m.get(ctx, c)
	if err != nil {
		return nil, err
	}
	newest := renewals().FindSubmatch(r.body)
	if newest == nil {
		return nil, m.unreadable(c, r, "what answers is not a page of Web Enrollment")
	}
	c.path = certsrv + "certnew.p7b?ReqID=CACert&Renewal=" + string(newest[1]) + "&Enc=bin"
	if r, err = m.get(ctx, c); err != nil {
		return nil, err
	}
	all, err := certificates(r.body)
	if errors.Is(err, errPage) {
		_, err = m.outcome(c, r, "")
		if err == nil {
			err = m.unreadable(c, r, "the CA sends a page instead of its certificates")
		}
		return nil, err
	}
	if err != nil {
		return nil, &Error{Kind: ErrUnreachable, Doing: c.doing, Reason: "the answer holds no certificates", Err: err}
	}
	return rawOf(all), nil
}

func (m *microsoft) checkAuthentication(ctx context.Context) Step {
	c := call{doing: "asking for the start page", method: http.MethodGet, path: certsrv, forced: true}
	r, err := m.do(ctx, c)
	if err == nil {
		err = m.complete(c, r)
	}
	if err != nil {
		return failed(StepAuthentication, err)
	}
	how := "without a login"
	if r.by != anonymous {
		how = fmt.Sprintf("as %q by %s", m.Username, strings.ToUpper(string(r.by)))
	}
	return Step{Name: StepAuthentication, OK: true, Text: "the web server lets us in " + how}
}

// templateNames finds the templates that the advanced request page offers the
// account. A value has fields with semicolons between; the second is the name.
var templateNames = pattern(`(?i)<option[^>]*\bvalue\s*=\s*"?[A-Z]{0,3};([^;"<>]{1,255});`)

// checkTemplate looks the template up in the page from which a person would
// choose it. A server that does not show a list leaves the question open.
func (m *microsoft) checkTemplate(ctx context.Context) Step {
	open := func(why string) Step {
		return Step{Name: StepTemplate, OK: true, Text: why + "; only a dry enrollment shows whether the template works"}
	}
	if m.Template == "" {
		return open("no template is set")
	}
	c := call{doing: "asking for the templates", method: http.MethodGet, path: certsrv + "certrqxt.asp", forced: true}
	r, err := m.do(ctx, c)
	if err == nil {
		err = m.complete(c, r)
	}
	if err != nil {
		return open("the list of templates cannot be read")
	}
	const mostTemplates = 64
	var names []string
	for _, found := range templateNames().FindAllSubmatch(r.body, mostTemplates) {
		name := plain(string(found[1]), 64)
		if strings.EqualFold(name, m.Template) {
			return Step{Name: StepTemplate, OK: true, Text: fmt.Sprintf("the CA offers template %q to this account", m.Template)}
		}
		names = append(names, name)
	}
	if len(names) == 0 {
		return open("the CA shows no list of templates")
	}
	return Step{Name: StepTemplate, Text: fmt.Sprintf("the CA does not offer template %q to this account, but %s", m.Template, plain(strings.Join(names, ", "), maxWords)),
		Advice: "set online_ca_template to the template's name (not its display name), publish it on the CA, and give the account Read and Enroll on it"}
}
