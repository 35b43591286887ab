package onlineca_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"capf/enroll/onlineca"
	"capf/enroll/onlineca/catest"
)

const (
	user     = catest.User
	password = catest.Password
)

// clock is a time that moves only when something sleeps.
type clock struct {
	mu    sync.Mutex // guards the rest
	now   time.Time
	slept []time.Duration
}

func newClock() *clock { return &clock{now: time.Now()} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	c.slept = append(c.slept, d)
	return ctx.Err()
}

// log is where a client's log goes, so that tests can look for secrets in it.
type logBook struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (l *logBook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// client is one for s with the right password; change may spoil it. Its pauses
// take no time, and a password in its log fails the test.
func client(t testing.TB, s *catest.Server, kind onlineca.Type, change func(*onlineca.Config)) *onlineca.Client {
	t.Helper()
	book := &logBook{}
	c := onlineca.Config{
		Type: kind, Host: s.Host, Port: s.Port, Username: `TEST\` + user, Password: password,
		Roots: []*x509.Certificate{s.CA.Root()},
		Log:   slog.New(slog.NewTextHandler(book, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	}
	if kind == onlineca.Microsoft {
		c.Template = "CiscoRA"
	}
	if change != nil {
		change(&c)
	}
	made, err := onlineca.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		made.Close()
		if c.Password != "" && strings.Contains(book.String(), c.Password) {
			t.Error("the password is in the log")
		}
	})
	return made
}

func request(t testing.TB, key crypto.Signer) []byte {
	t.Helper()
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
		Subject:  pkix.Name{Organization: []string{"A+B & C"}, CommonName: "SEP001122334455"},
		DNSNames: []string{"SEP001122334455"},
	}, key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func ecKey(t testing.TB) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func rsaKey(t testing.TB, bits int) crypto.Signer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func ecRequest(t testing.TB) []byte {
	t.Helper()
	return request(t, ecKey(t))
}

// unsigned spoils the signature of a request, as of a phone that cannot sign.
func unsigned(der []byte) []byte {
	der = bytes.Clone(der)
	der[len(der)-1] ^= 1
	return der
}

// failure checks an error and returns it. A password in it fails the test.
func failure(t testing.TB, err error, kind error) *onlineca.Error {
	t.Helper()
	var e *onlineca.Error
	if !errors.As(err, &e) {
		t.Fatalf("error is %v, not *Error", err)
	}
	if !errors.Is(err, kind) {
		t.Fatalf("error is %v: %v, not %v", e.Kind, err, kind)
	}
	if strings.Contains(err.Error(), password) || strings.Contains(e.Advice, password) {
		t.Fatal("the password is in the error")
	}
	if strings.ContainsAny(err.Error(), "\r\n\x00\x1b") {
		t.Fatalf("control characters in %q", err)
	}
	return e
}

// verify checks that an answer chains to the root of the CA.
func verify(t testing.TB, ca *catest.CA, a onlineca.Answer) {
	t.Helper()
	leaf, err := x509.ParseCertificate(a.Leaf)
	if err != nil {
		t.Fatal(err)
	}
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(ca.Root())
	for _, der := range a.Chain {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		between.AddCert(c)
	}
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between}); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a.Chain[0], ca.Issuing().Raw) {
		t.Error("the chain does not begin with the issuer")
	}
}

// enroll submits and fetches.
func enroll(t testing.TB, c *onlineca.Client, csr []byte) onlineca.Answer {
	t.Helper()
	a, err := c.Submit(t.Context(), csr)
	if err != nil {
		t.Fatal(err)
	}
	if a.State != onlineca.Issued || a.RequestID == "" || a.Leaf != nil {
		t.Fatalf("answer %+v", a)
	}
	if a, err = c.Fetch(t.Context(), a.RequestID); err != nil {
		t.Fatal(err)
	}
	if a.State != onlineca.Issued {
		t.Fatalf("answer %+v", a)
	}
	return a
}

// at intercepts the requests for one path.
func at(path string, do func(http.ResponseWriter, *http.Request)) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != path {
			return false
		}
		do(w, r)
		return true
	}
}

func estKind(t *testing.T) onlineca.Kind {
	t.Helper()
	k, ok := onlineca.KindOf(onlineca.EST)
	if !ok {
		t.Fatal("EST is no kind of CA")
	}
	return k
}
