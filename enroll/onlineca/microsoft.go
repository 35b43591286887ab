package onlineca

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"sync"
)

const certsrv = "/certsrv/"

// microsoft speaks to the Web Enrollment role of AD CS: pages for a browser.
type microsoft struct {
	config    Config
	transport *transport

	mu    sync.Mutex // guards chain
	chain []*x509.Certificate
}

// Microsoft is the type of AD CS with Web Enrollment.
const Microsoft Type = "microsoft"

var microsoftKind = Kind{
	Type: Microsoft, Name: "Microsoft Web Enrollment", Server: "Web Enrollment",
	RSAOnly:         true,
	WithoutUser:     "Web Enrollment requires one",
	WithoutTemplate: "only a stand-alone CA needs none",
	TemplateWord:    "template",
	login: loginManner{
		probe:  certsrv,
		advice: "turn on Windows Authentication (NTLM) or Basic for CertSrv in IIS",
	},
	open: func(c Config, t *transport) ca { return &microsoft{config: c, transport: t} },
}

// unknownRequest is the code for a number under which the CA has no certificate.
const unknownRequest = "0x80094004"

var requestIDs = pattern(`^[0-9]{1,10}$`)

// submit posts the form of the advanced request page. It does not fetch the
// certificate: the caller keeps the number first.
func (m *microsoft) submit(ctx context.Context, csr *x509.CertificateRequest) (Answer, error) {
	form := url.Values{
		"Mode":             {"newreq"},
		"CertRequest":      {string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: csr.Raw}))},
		"CertAttrib":       {""},
		"TargetStoreFlags": {"0"},
		"SaveCert":         {"yes"},
	}
	if m.config.Template != "" { // a stand-alone CA has none
		form.Set("CertAttrib", "CertificateTemplate:"+m.config.Template+"\r\n")
	}
	sum := sha256.Sum256(csr.Raw)
	c := call{subject: string(sum[:]), doing: "sending the request to the CA", method: http.MethodPost, path: certsrv + "certfnsh.asp",
		contentType: "application/x-www-form-urlencoded", body: []byte(form.Encode())}
	r, err := m.transport.do(ctx, c)
	if err != nil {
		return Answer{}, err
	}
	if !r.succeeded() {
		return Answer{}, m.transport.statusError(c, r)
	}
	switch all, err := readCertificates(r.body); { // instead of a page about it
	case err == nil:
		leaf := leafOf(all, csr.PublicKey)
		return Answer{State: Issued, Leaf: leaf.Raw, Chain: m.chainAbove(ctx, leaf, all)}, nil
	case unusableCertificate(err, csr) != nil:
		return Answer{}, &Error{Kind: ErrUnreachable, Doing: c.doing, Reason: "the answer is no certificate that we can use", Err: err, Sent: true, Certificate: unusableCertificate(err, csr)}
	}
	answer, err := m.outcome(c, r, "")
	if err == nil && answer.RequestID == "" {
		return Answer{}, m.unreadable(c, r, "the CA has taken the request but its page names no request number")
	}
	return answer, err
}

// outcome reads the page that the CA sends about a request. A page that came only in
// part is read too, since it may have the number, which must not be lost.
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
			e.Kind = ErrUnreachable // there may be a certificate, so a strange page is no reason to give up
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
		Words: m.config.words(p.words), Advice: advice(p.code), RequestID: p.requestID}
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
	return &Error{Kind: ErrUnreachable, Doing: c.doing, Reason: reason, Words: m.config.words(classify(r.body).words),
		Sent: r.posted, Advice: "open https://" + m.config.base().Host + certsrv + " in a browser and compare; look for a proxy in between"}
}

// fetch fetches a certificate by the number of its request, and its chain unless
// that is known. It also polls a pending request: as long as there is no
// certificate, the CA answers with a page that says why.
func (m *microsoft) fetch(ctx context.Context, requestID string) (Answer, error) {
	doing := "fetching the certificate of request " + strconv.Quote(plain(requestID, 20))
	if !requestIDs().MatchString(requestID) {
		return Answer{}, &Error{Kind: ErrRejected, Doing: doing, Reason: "it is not a request number"}
	}
	c := call{subject: requestID, doing: doing, path: certsrv + "certnew.cer?ReqID=" + requestID + "&Enc=bin"}
	r, err := m.transport.get(ctx, c)
	if err != nil {
		return Answer{}, withRequest(err, requestID)
	}
	all, err := readCertificates(r.body)
	if errors.Is(err, errPage) {
		answer, err := m.outcome(c, r, requestID)
		if err == nil && answer.State == Issued {
			return Answer{}, withRequest(m.unreadable(c, r, "the CA sends a page instead of the certificate"), requestID)
		}
		return answer, withRequest(err, requestID)
	}
	if err != nil {
		return Answer{}, &Error{Kind: ErrUnreachable, Doing: doing, Reason: "the answer is no certificate that we can use", Err: err,
			RequestID: requestID, Certificate: unusableCertificate(err, nil)}
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
