package catest

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/smallstep/pkcs7"
)

// ESTOptions shape an EST server.
type ESTOptions struct {
	Transport
	Label string // the only one that exists; empty: none

	// Waits is how often a request is answered with 202 before it is issued;
	// RetryAfter the header that goes with it, none when empty.
	Waits      int
	RetryAfter string

	// Encoding of the answers: "" in lines of 64, "one-line", "crlf",
	// "blanks", "pem", "der".
	Encoding string
	BER      bool // PKCS#7 with lengths that are not given in advance
	Chain    bool // the issuers go along with the leaf
	MinBits  int  // of a key
	Status   int  // of an answer with a certificate: 200

	// Attributes is the body of csrattrs; nil: there is no such page. Bound
	// refuses requests that do not name their TLS connection (RFC 7030, 3.5).
	Attributes []byte
	Bound      bool

	// Spoil may change the certificate after it was signed.
	Spoil func(der []byte) []byte

	DropPosts int // how many posts are cut off after the certificate was made
}

// EST is an EST server that listens.
type EST struct {
	*Server
	options ESTOptions

	mu     sync.Mutex // guards the rest and options.DropPosts
	waited map[[sha256.Size]byte]int
}

// StartEST starts an EST server on a free port of loopback.
func StartEST(o ESTOptions) (*EST, error) {
	s := &EST{options: o, waited: map[[sha256.Size]byte]int{}}
	base := "/.well-known/est/"
	if o.Label != "" {
		base += o.Label + "/"
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+base+"simpleenroll", s.enroll)
	// cacerts is open to everybody (RFC 7030, 4.1.1).
	front := o.Transport.Front
	o.Transport.Front = func(w http.ResponseWriter, r *http.Request) bool {
		if front != nil && front(w, r) {
			return true
		}
		if r.Method == http.MethodGet && r.URL.Path == base+"csrattrs" && o.Attributes != nil {
			w.Header().Set("Content-Type", "application/csrattrs")
			w.Write(o.Attributes)
			return true
		}
		if r.Method != http.MethodGet || r.URL.Path != base+"cacerts" {
			return false
		}
		s.send(w, [][]byte{s.CA.Issuing().Raw, s.CA.root.Raw})
		return true
	}
	var err error
	s.Server, err = start(o.Transport, mux)
	return s, err
}

func (s *EST) enroll(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		http.Error(w, "request too large", http.StatusRequestEntityTooLarge)
		return
	}
	der, err := base64.StdEncoding.DecodeString(string(body)) // takes line ends
	if err != nil || r.Header.Get("Content-Type") != "application/pkcs10" {
		http.Error(w, "not a base64 PKCS#10 request", http.StatusBadRequest)
		return
	}
	csr, err := x509.ParseCertificateRequest(der)
	switch {
	case err != nil:
		http.Error(w, "malformed PKCS#10 request", http.StatusBadRequest)
		return
	case csr.CheckSignature() != nil:
		http.Error(w, "proof of possession failed", http.StatusBadRequest)
		return
	case s.options.Bound && !bound(csr, r.TLS):
		http.Error(w, "the request is not bound to this TLS connection", http.StatusBadRequest)
		return
	case keyBits(csr) < s.options.MinBits:
		http.Error(w, fmt.Sprintf("key has %d bits, at least %d needed", keyBits(csr), s.options.MinBits), http.StatusBadRequest)
		return
	}
	s.answer(w, csr)
}

// bound says whether a request has the base64 of the connection's tls-unique as a
// string with the identifier of challengePassword in front.
func bound(csr *x509.CertificateRequest, state *tls.ConnectionState) bool {
	if state.TLSUnique == nil {
		return false
	}
	text := base64.StdEncoding.EncodeToString(state.TLSUnique)
	want := []byte{0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x07, 0x31, byte(2 + len(text)), 0x13, byte(len(text))}
	return bytes.Contains(csr.RawTBSCertificateRequest, append(want, text...))
}

func (s *EST) answer(w http.ResponseWriter, csr *x509.CertificateRequest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := sha256.Sum256(csr.Raw)
	if s.waited[id] < s.options.Waits {
		s.waited[id]++
		if s.options.RetryAfter != "" {
			w.Header().Set("Retry-After", s.options.RetryAfter)
		}
		w.WriteHeader(http.StatusAccepted)
		return
	}
	leaf, err := s.CA.Issue(csr)
	if err != nil {
		http.Error(w, "signing failed", http.StatusInternalServerError)
		return
	}
	if s.options.DropPosts > 0 {
		s.options.DropPosts--
		panic(http.ErrAbortHandler)
	}
	if s.options.Spoil != nil {
		leaf = s.options.Spoil(leaf)
	}
	all := [][]byte{leaf}
	if s.options.Chain {
		all = [][]byte{s.CA.root.Raw, s.CA.Issuing().Raw, leaf}
	}
	s.sendAs(w, s.options.Status, all)
}

func (s *EST) send(w http.ResponseWriter, certificates [][]byte) { s.sendAs(w, 0, certificates) }

func (s *EST) sendAs(w http.ResponseWriter, status int, certificates [][]byte) {
	p7, err := pkcs7.DegenerateCertificate(bytes.Join(certificates, nil))
	if err != nil {
		http.Error(w, "encoding failed", http.StatusInternalServerError)
		return
	}
	if s.options.BER {
		p7 = Indefinite(p7)
	}
	w.Header().Set("Content-Type", "application/pkcs7-mime; smime-type=certs-only")
	if s.options.Encoding != "der" {
		w.Header().Set("Content-Transfer-Encoding", "base64")
	}
	if status != 0 {
		w.WriteHeader(status)
	}
	w.Write(s.encode(p7))
}

func (s *EST) encode(der []byte) []byte {
	text := base64.StdEncoding.EncodeToString(der)
	switch s.options.Encoding {
	case "der":
		return der
	case "one-line":
		return []byte(text)
	case "crlf":
		return []byte(broken(text, 76, "\r\n") + "\r\n\r\n")
	case "blanks":
		return []byte("\n  " + broken(strings.TrimRight(text, "="), 50, " \t\n ") + "\n")
	case "pem":
		return []byte("-----BEGIN PKCS7-----\n" + broken(text, 64, "\n") + "\n-----END PKCS7-----\n")
	}
	return []byte(broken(text, 64, "\n") + "\n")
}

func broken(text string, width int, end string) string {
	var lines []string
	for len(text) > width {
		lines = append(lines, text[:width])
		text = text[width:]
	}
	return strings.Join(append(lines, text), end)
}

// Indefinite rewrites the outer three levels of a PKCS#7 message as BER
// without lengths, as streaming servers send it.
func Indefinite(der []byte) []byte { return loosen(der, 3) }

func loosen(der []byte, levels int) []byte {
	if levels == 0 || len(der) < 2 || der[0]&0x20 == 0 {
		return der
	}
	out := []byte{der[0], 0x80}
	for rest := content(der); len(rest) > 0; {
		n := len(rest) - len(content(rest)) // the header …
		size := n + contentLength(rest)
		out = append(out, loosen(rest[:size], levels-1)...)
		rest = rest[size:]
	}
	return append(out, 0, 0)
}

// content is what follows the header of the first element of valid DER.
func content(der []byte) []byte {
	if der[1] < 0x80 {
		return der[2:]
	}
	return der[2+int(der[1]&0x7f):]
}

func contentLength(der []byte) int {
	if der[1] < 0x80 {
		return int(der[1])
	}
	n := 0
	for _, b := range der[2 : 2+int(der[1]&0x7f)] {
		n = n<<8 | int(b)
	}
	return n
}
