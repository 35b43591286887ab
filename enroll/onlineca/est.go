package onlineca

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
)

// est speaks to an EST server (RFC 7030, with the encodings of RFC 8951).
type est struct {
	config    Config
	transport *transport

	mu         sync.Mutex // guards the rest
	issuers    []*x509.Certificate
	attributes []asn1.ObjectIdentifier // that the server wants in requests
	asked      time.Time               // when it was asked for them
}

// EST is the type of EST servers.
const EST Type = "est"

var estKind = Kind{
	Type: EST, Name: "EST (RFC 7030)", Server: "an EST server",
	CheckTemplate: checkLabel, TemplateWord: "label",
	login: loginManner{
		unasked:       true,
		advice:        "let the EST server offer Basic over HTTPS",
		orCertificate: ", or give the EST server's client certificate: capf set online_ca_client_certificate --file FILE",
	},
	open: func(c Config, t *transport) ca { return &est{config: c, transport: t} },
}

// estOperations cannot be labels, since the path would mean something else.
var estOperations = []string{"cacerts", "simpleenroll", "simplereenroll", "fullcmc", "serverkeygen", "csrattrs"}

// checkLabel refuses a text that cannot be the label of an EST server; "" stands
// for no label. A label is one segment of a path (RFC 7030, 3.2.2).
func checkLabel(label string) error {
	switch {
	case slices.Contains(estOperations, strings.ToLower(label)):
		return fmt.Errorf("%q is the name of an operation of EST, and no label", label)
	case strings.ContainsFunc(label, unicode.IsSpace):
		return fmt.Errorf("%q has blanks", label)
	case strings.ContainsAny(label, "/?#%\\"), label == ".", label == "..":
		return fmt.Errorf("%q is not one segment of a path: it has neither a / nor ?, #, %% or a backslash", label)
	}
	return nil
}

func (e *est) path(operation string) string {
	if e.config.Template == "" {
		return "/.well-known/est/" + operation
	}
	return "/.well-known/est/" + url.PathEscape(e.config.Template) + "/" + operation
}

func (e *est) enrollment(body []byte) call {
	sum := sha256.Sum256(body)
	return call{subject: string(sum[:]), doing: "sending the request to the EST server", method: http.MethodPost, path: e.path("simpleenroll"), body: body,
		contentType: "application/pkcs10", header: http.Header{
			"Content-Transfer-Encoding": {"base64"},
			"Accept":                    {"application/pkcs7-mime"},
		}}
}

// defaultRetry is for a 202 without Retry-After, which RFC 7030 (4.2.3)
// requires.
const defaultRetry = time.Minute

func (e *est) submit(ctx context.Context, csr *x509.CertificateRequest) (Answer, error) {
	return e.enroll(ctx, csr, func(c call) (*reply, error) { return e.transport.do(ctx, c) })
}

// enroll sends a request and reads the answer.
func (e *est) enroll(ctx context.Context, csr *x509.CertificateRequest, do func(call) (*reply, error)) (Answer, error) {
	c := e.enrollment(inLines(csr.Raw))
	r, err := do(c)
	if err != nil {
		return Answer{}, err
	}
	// A certificate counts whatever the status is.
	all, cerr := readCertificates(r.body)
	if cerr == nil && r.succeeded() {
		leaf := leafOf(all, csr.PublicKey)
		return Answer{State: Issued, Leaf: leaf.Raw, Chain: e.chainFor(ctx, leaf, all)}, nil
	}
	if r.status == http.StatusAccepted {
		wait := retryAfter(r.header, e.config.Now())
		if wait <= 0 {
			wait = defaultRetry
		}
		return Answer{State: Pending, RetryAfter: wait}, nil
	}
	failure := e.unusable(c, r, cerr)
	failure.Certificate = unusableCertificate(cerr, csr)
	if cerr == nil {
		failure.Certificate = leafOf(all, csr.PublicKey).Raw
	}
	return Answer{}, failure
}

// unusable explains an answer without a certificate.
func (e *est) unusable(c call, r *reply, err error) *Error {
	switch {
	case !r.succeeded():
		return e.refusal(c, r)
	case r.short != nil:
		return &Error{Kind: ErrUnreachable, Doing: c.doing, Reason: "the answer cannot be read", Err: r.short, Sent: true}
	}
	return &Error{Kind: ErrUnreachable, Doing: c.doing, Reason: "the answer holds no certificate", Err: err,
		Words: e.config.words(firstWords(readable(r.body))), Sent: true, Advice: "check that an EST server answers at this host and port"}
}

// refusal is statusError, and explains what EST servers mean by 400: they reject the
// request, its signature or its content, and say why in plain words.
func (e *est) refusal(c call, r *reply) *Error {
	err := e.transport.statusError(c, r)
	err.Words = e.config.words(firstWords(readable(r.body)))
	if r.status == http.StatusBadRequest && certificateTrouble(r) == nil {
		err.Reason = "the EST server refuses the request"
		err.Advice = "read its words; most often the request is not signed by the phone's own key, or its subject or key size is against the server's rules"
	}
	return err
}

// readable returns the body as text; "" for DER.
func readable(body []byte) string {
	if len(body) > 0 && body[0] == 0x30 {
		return ""
	}
	return unseen().ReplaceAllString(string(body), " ")
}

// chainFor puts the issuers in order. Most servers send only the leaf; its issuers
// are then those of /cacerts. Without them the certificate is kept all the same:
// only a second one could replace it.
func (e *est) chainFor(ctx context.Context, leaf *x509.Certificate, came []*x509.Certificate) [][]byte {
	if chain := chainOf(leaf, came); len(chain) > 0 {
		return chain
	}
	e.mu.Lock()
	known := e.issuers
	e.mu.Unlock()
	if issuer := parentOf(leaf, known, nil); issuer != nil && issued(issuer, leaf) {
		return chainOf(leaf, known)
	}
	known, err := e.certificates(ctx)
	if err != nil {
		e.config.Log.Warn("EST server sends no chain", "host", e.config.Host, "error", err)
		return nil
	}
	e.mu.Lock()
	e.issuers = known
	e.mu.Unlock()
	return chainOf(leaf, known)
}

// certificates fetches /cacerts.
func (e *est) certificates(ctx context.Context) ([]*x509.Certificate, error) {
	c := call{doing: "fetching the CA's certificates", path: e.path("cacerts")}
	r, err := e.transport.get(ctx, c)
	if err != nil {
		return nil, err
	}
	all, err := readCertificates(r.body)
	if err != nil {
		return nil, &Error{Kind: ErrUnreachable, Doing: c.doing, Reason: "the answer holds no certificates", Err: err,
			Words: e.config.words(firstWords(readable(r.body))), Advice: "check that an EST server answers at this host and port"}
	}
	return all, nil
}

// inLines encodes base64 in lines of 64, which every server reads.
func inLines(der []byte) []byte {
	text := base64.StdEncoding.EncodeToString(der)
	var out []byte
	for len(text) > 64 {
		out = append(append(out, text[:64]...), '\n')
		text = text[64:]
	}
	return append(append(out, text...), '\n')
}
