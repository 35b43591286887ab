package onlineca_test

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"capf/crypto"
	"capf/enroll/onlineca"
	"capf/enroll/onlineca/catest"
)

// The examples of csrattrs in RFC 7030, 4.5.2 and A.4 (with challengePassword, an
// attribute with values, and identifiers of keys and signatures).
const (
	wantsChallenge = "MEEGCSqGSIb3DQEJBzASBgcqhkjOPQIBMQcGBSuBBAAiMBYGCSqGSIb3DQEJDjEJBgcrBgEBAQEWBggqhkjOPQQDAw=="
	wantsNothing   = "MAA="
)

func bindable(t testing.TB) func(challenge string) ([]byte, error) {
	t.Helper()
	key := ecKey(t)
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	name, err := asn1.Marshal(pkix.Name{CommonName: "CAPF"}.ToRDNSequence())
	if err != nil {
		t.Fatal(err)
	}
	return func(challenge string) ([]byte, error) {
		return crypto.NewRequest(&x509.Certificate{RawSubject: name}, crypto.LSCTemplate{Device: "SEP001122334455", SPKI: spki, Challenge: challenge}, key)
	}
}

func TestRequestsBoundToTheirConnection(t *testing.T) {
	t.Parallel()
	raw, err := base64.StdEncoding.DecodeString(wantsChallenge)
	if err != nil {
		t.Fatal(err)
	}
	for name, attributes := range map[string]string{"base64": wantsChallenge, "in lines": wantsChallenge[:40] + "\r\n" + wantsChallenge[40:] + "\r\n", "DER": string(raw)} {
		s := catest.MustEST(t, catest.ESTOptions{Transport: catest.Transport{Login: catest.UserLogin("Basic")}, Attributes: []byte(attributes), Bound: true})
		c := client(t, s.Server, onlineca.EST, func(c *onlineca.Config) { c.Limits.Concurrent = 2 })
		for range 3 { // each gives its turn back
			b, err := c.Bind(t.Context())
			if err != nil || b == nil {
				t.Fatalf("%s: %v, %v", name, b, err)
			}
			csr, err := bindable(t)(b.Challenge)
			if err != nil {
				t.Fatal(err)
			}
			a, err := b.Submit(t.Context(), csr)
			if err != nil || a.State != onlineca.Issued {
				t.Fatalf("%s: %+v, %v", name, a, err)
			}
			verify(t, s.CA, a)
			b.Close()
		}
		_, err := c.Submit(t.Context(), ecRequest(t))
		if e := failure(t, err, onlineca.ErrRejected); !strings.Contains(e.Words, "not bound") {
			t.Error(e)
		}
		for _, step := range c.Check(t.Context(), &onlineca.DryRun{Make: bindable(t)}) {
			if !step.OK {
				t.Errorf("%+v", step)
			}
		}
	}
}

// A bound request is sent over its connection or not at all.
func TestBoundConnectionThatHasGone(t *testing.T) {
	t.Parallel()
	s := catest.MustEST(t, catest.ESTOptions{Attributes: []byte(wantsChallenge), Bound: true})
	c := client(t, s.Server, onlineca.EST, nil)
	b, err := c.Bind(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	csr, err := bindable(t)(b.Challenge)
	if err != nil {
		t.Fatal(err)
	}
	s.Drop()
	_, err = b.Submit(t.Context(), csr)
	if e := failure(t, err, onlineca.ErrUnreachable); e.Sent || e.Temporary() || !strings.Contains(e.Reason, "is gone") {
		t.Errorf("%+v", e)
	}
	if n := len(s.CA.Made()); n != 0 {
		t.Errorf("%d certificates made", n)
	}
}

func TestNothingIsBound(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]catest.ESTOptions{
		"no such page": {}, "nothing": {Attributes: []byte(wantsNothing)}, "empty": {Attributes: []byte{}},
		"not readable": {Attributes: []byte("<html>")}, "others": {Attributes: []byte("MAkGByqGSM49AgE=")},
		"a name cut off": {Attributes: []byte{0x30, 0x80, 0x06}},
	} {
		s := catest.MustEST(t, o)
		if b, err := client(t, s.Server, onlineca.EST, nil).Bind(t.Context()); b != nil || err != nil {
			t.Errorf("%s: %v, %v", name, b, err)
		}
	}
	s := catest.MustCertsrv(t, catest.CertsrvOptions{})
	if b, err := client(t, s.Server, onlineca.Microsoft, nil).Bind(t.Context()); b != nil || err != nil {
		t.Errorf("Web Enrollment: %v, %v", b, err)
	}
}

// TLS 1.3 has no name for a connection.
func TestBoundWithoutTLS12(t *testing.T) {
	t.Parallel()
	s := catest.MustEST(t, catest.ESTOptions{Transport: catest.Transport{MinTLS: tls.VersionTLS13}, Attributes: []byte(wantsChallenge), Bound: true})
	c := client(t, s.Server, onlineca.EST, nil)
	for range 20 { // none keeps a turn, and the CA is not taken for one that is down
		_, err := c.Bind(t.Context())
		if e := failure(t, err, onlineca.ErrRejected); !strings.Contains(e.Reason, "TLS 1.2 alone") || !strings.Contains(e.Advice, "allow TLS 1.2") {
			t.Fatal(e)
		}
	}
	steps := c.Check(t.Context(), nil)
	if last := steps[len(steps)-1]; last.OK || !strings.Contains(last.Text, "tls-unique") {
		t.Errorf("%+v", last)
	}
}

// A server that does not answer the question for its attributes is not asked by
// every phone, each of which would wait for it.
func TestAttributesThatNeverCome(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	silent := func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/csrattrs") {
			return false
		}
		asked.Add(1)
		panic(http.ErrAbortHandler)
	}
	s := catest.MustEST(t, catest.ESTOptions{Transport: catest.Transport{Front: silent}})
	c := client(t, s.Server, onlineca.EST, nil)
	for range 3 {
		if bound, err := c.Bind(t.Context()); err != nil || bound != nil {
			t.Fatalf("the request is bound to %v, %v", bound, err)
		}
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("the server was asked %d times what it wants", n)
	}
}
