package catest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/smallstep/pkcs7"
)

// Outcome is what happens to a request that is in order.
type Outcome string

// The outcomes of a request. Denied is a manager's or a policy's no; Broken is
// the error page; Away is the web page without the CA behind it; Strange is a
// page that nobody knows.
const (
	Issue   Outcome = "issue"
	Pend    Outcome = "pend"
	Deny    Outcome = "deny"
	Broken  Outcome = "broken"
	Away    Outcome = "away"
	Strange Outcome = "strange"
)

// CertsrvOptions shape a Web Enrollment site.
type CertsrvOptions struct {
	Transport
	Language  string                  // "en", "fr", "ja"; default English
	Templates []string                // that the CA offers; default any
	NoEnroll  []string                // of these, the ones the account may not use
	MinBits   int                     // of an RSA key
	Outcome   Outcome                 // default Issue
	TextHTML  bool                    // certificates go out as text/html whoever asks
	Links     bool                    // browsers get links to a certificate, too, not only scripts
	Lists     bool                    // error pages are definition lists
	CodeAt    string                  // the label of the code on an error page: "locLastStatLabel"
	AwayCode  string                  // the code of Away: "0x800706ba"
	Spoil     func(der []byte) []byte // may change a certificate after it was signed
	Direct    string                  // the answer to a request is its certificate: "cer", or with its chain "p7b"

	// ManagerPolls is after how many polls the manager issues a pending
	// request; ManagerDelay, after how long. Zero: never by itself.
	ManagerPolls int
	ManagerDelay time.Duration

	// DropPosts is how many posts have their connection cut in place of an
	// answer, after the certificate was made; DropFetches, how many fetches.
	DropPosts   int
	DropFetches int
}

// Certsrv is a Web Enrollment site that listens.
type Certsrv struct {
	*Server
	options CertsrvOptions
	words   words

	mu       sync.Mutex // guards the rest and options.Drop…
	requests []*request // a request's number is its index + firstID
}

const firstID = 41

type request struct {
	csr    *x509.CertificateRequest
	state  Outcome // Issue, Pend or Deny
	code   string
	reason string
	leaf   []byte
	polls  int
	since  time.Time
}

// StartCertsrv starts a Web Enrollment site on a free port of loopback.
func StartCertsrv(o CertsrvOptions) (*Certsrv, error) {
	if o.Outcome == "" {
		o.Outcome = Issue
	}
	if o.CodeAt == "" {
		o.CodeAt = "locLastStatLabel"
	}
	if o.AwayCode == "" {
		o.AwayCode = "0x800706ba"
	}
	w, ok := languages[o.Language]
	if !ok {
		w = languages["en"]
	}
	s := &Certsrv{options: o, words: w}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /certsrv/{$}", s.home)
	mux.HandleFunc("GET /certsrv/certrqxt.asp", s.form)
	mux.HandleFunc("POST /certsrv/certfnsh.asp", s.finish)
	mux.HandleFunc("GET /certsrv/certnew.cer", s.certificate)
	mux.HandleFunc("GET /certsrv/certnew.p7b", s.chain)
	mux.HandleFunc("GET /certsrv/certcarc.asp", s.authority)
	var err error
	s.Server, err = start(o.Transport, mux)
	return s, err
}

// SetOutcome changes what happens to later requests.
func (s *Certsrv) SetOutcome(o Outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.options.Outcome = o
}

// Decide is the manager: it issues or denies a pending request.
func (s *Certsrv) Decide(id string, o Outcome) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.find(id)
	if r == nil || r.state != Pend {
		return fmt.Errorf("no pending request %q", id)
	}
	return s.decide(r, o)
}

func (s *Certsrv) decide(r *request, o Outcome) error {
	if o == Deny {
		r.state, r.code, r.reason = Deny, "0x80094014", s.words.byManager
		return nil
	}
	leaf, err := s.CA.Issue(r.csr)
	if err == nil {
		r.state, r.leaf = Issue, leaf
	}
	return err
}

func (s *Certsrv) find(id string) *request {
	n, err := strconv.Atoi(id)
	if err != nil || n < firstID || n >= firstID+len(s.requests) {
		return nil
	}
	return s.requests[n-firstID]
}

func html(w http.ResponseWriter, page string) {
	w.Header().Set("Content-Type", "text/html; Charset=UTF-8")
	io.WriteString(w, page)
}

func (s *Certsrv) home(w http.ResponseWriter, r *http.Request) { html(w, s.words.home()) }

func (s *Certsrv) form(w http.ResponseWriter, r *http.Request) {
	html(w, s.words.templates(slices.DeleteFunc(slices.Clone(s.options.Templates), func(t string) bool { return slices.Contains(s.options.NoEnroll, t) })))
}

// finish takes a request and shows what became of it.
func (s *Certsrv) finish(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	if r.ParseForm() != nil || r.PostForm.Get("Mode") != "newreq" {
		html(w, s.failure("", "0x80070057"))
		return
	}
	block, _ := pem.Decode([]byte(r.PostForm.Get("CertRequest")))
	if block == nil {
		html(w, s.failure("", "0x80093102"))
		return
	}
	csr, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		html(w, s.failure("", "0x80093102"))
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	page := s.take(csr, templateOf(r.PostForm.Get("CertAttrib")))
	if s.options.DropPosts > 0 {
		s.options.DropPosts--
		panic(http.ErrAbortHandler)
	}
	if last := len(s.requests) - 1; s.options.Direct != "" && last >= 0 && s.requests[last].leaf != nil {
		s.direct(w, r, s.requests[last].leaf)
		return
	}
	html(w, page)
}

// direct sends a certificate in place of the page that offers it.
func (s *Certsrv) direct(w http.ResponseWriter, r *http.Request, leaf []byte) {
	if s.options.Direct == "cer" {
		s.send(w, r, leaf, "application/pkix-cert")
		return
	}
	p7, err := pkcs7.DegenerateCertificate(bytes.Join([][]byte{s.CA.Issuing().Raw, s.CA.root.Raw, leaf}, nil))
	if err != nil {
		html(w, s.failure("", "0x80004005"))
		return
	}
	s.send(w, r, p7, "application/x-pkcs7-certificates")
}

// templateOf reads the attributes, one a line, as the CA does: the line end is
// part of the form.
func templateOf(attributes string) string {
	for line := range strings.SplitSeq(attributes, "\r\n") {
		if name, ok := strings.CutPrefix(line, "CertificateTemplate:"); ok {
			return name
		}
	}
	return ""
}

// take checks a request as AD CS does, and keeps it.
func (s *Certsrv) take(csr *x509.CertificateRequest, template string) string {
	if csr.CheckSignature() != nil {
		return s.failure("", "0x80090006")
	}
	o := s.options
	switch o.Outcome {
	case Broken:
		return s.failure("", "0x80094001")
	case Away:
		return s.failure("", o.AwayCode)
	case Strange:
		return "<html><head><title>Gateway</title></head><body>Please <b>log in</b> to the network first.</body></html>"
	}
	r := &request{csr: csr, since: time.Now()}
	s.requests = append(s.requests, r)
	id := firstID + len(s.requests) - 1
	switch {
	case len(o.Templates) > 0 && !slices.Contains(o.Templates, template):
		r.state, r.code, r.reason = Deny, "0x80094800", s.words.noTemplate+" "+template
	case slices.Contains(o.NoEnroll, template):
		r.state, r.code, r.reason = Deny, "0x80094012", s.words.noRight
	case keyBits(csr) < o.MinBits:
		r.state, r.code, r.reason = Deny, "0x80094811", s.words.shortKey
	case o.Outcome == Deny:
		r.state, r.code, r.reason = Deny, "0x80094014", s.words.byManager
	case o.Outcome == Pend:
		r.state = Pend
		return s.words.pending(id)
	default:
		if err := s.decide(r, Issue); err != nil {
			return s.failure("", "0x80004005")
		}
		return s.words.issued(id, !s.options.Links)
	}
	return s.words.denied(id, r.code, r.reason)
}

func (s *Certsrv) failure(disposition, code string) string {
	return s.words.failure(disposition, code, s.options.Lists, s.options.CodeAt)
}

func keyBits(csr *x509.CertificateRequest) int {
	switch key := csr.PublicKey.(type) {
	case *rsa.PublicKey:
		return key.N.BitLen()
	case *ecdsa.PublicKey:
		return key.Curve.Params().BitSize
	}
	return 0
}

// lookup finds the certificate that a query asks for, or shows why there is
// none.
func (s *Certsrv) lookup(w http.ResponseWriter, r *http.Request) *request {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.options.DropFetches > 0 {
		s.options.DropFetches--
		panic(http.ErrAbortHandler)
	}
	found := s.find(r.FormValue("ReqID"))
	if found == nil {
		html(w, s.failure("", "0x80094004"))
		return nil
	}
	if found.state == Pend {
		found.polls++
		polled := s.options.ManagerPolls > 0 && found.polls > s.options.ManagerPolls
		waited := s.options.ManagerDelay > 0 && time.Since(found.since) > s.options.ManagerDelay
		if polled || waited {
			if s.decide(found, Issue) != nil {
				html(w, s.failure("", "0x80004005"))
				return nil
			}
		}
	}
	switch found.state {
	case Pend:
		html(w, s.failure("5", ""))
		return nil
	case Deny:
		html(w, s.failure("2", found.code))
		return nil
	}
	return found
}

func (s *Certsrv) certificate(w http.ResponseWriter, r *http.Request) {
	found := s.lookup(w, r)
	if found == nil {
		return
	}
	leaf := found.leaf
	if s.options.Spoil != nil {
		leaf = s.options.Spoil(leaf)
	}
	s.send(w, r, leaf, "application/pkix-cert")
}

func (s *Certsrv) chain(w http.ResponseWriter, r *http.Request) {
	all := [][]byte{s.CA.Issuing().Raw, s.CA.root.Raw}
	if r.FormValue("ReqID") != "CACert" {
		found := s.lookup(w, r)
		if found == nil {
			return
		}
		all = append(all, found.leaf)
	}
	p7, err := pkcs7.DegenerateCertificate(bytes.Join(all, nil))
	if err != nil {
		html(w, s.failure("", "0x80004005"))
		return
	}
	s.send(w, r, p7, "application/x-pkcs7-certificates")
}

// send writes a certificate or a PKCS#7 message. Base64 has the label CERTIFICATE for
// both, and a client that is no Mozilla gets it as a page.
func (s *Certsrv) send(w http.ResponseWriter, r *http.Request, der []byte, kind string) {
	if s.options.TextHTML || !strings.Contains(r.UserAgent(), "Mozilla") {
		kind = "text/html"
	}
	w.Header().Set("Content-Type", kind)
	if r.FormValue("Enc") == "bin" {
		w.Write(der)
		return
	}
	pem.Encode(w, &pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func (s *Certsrv) authority(w http.ResponseWriter, r *http.Request) { html(w, s.words.authority()) }
