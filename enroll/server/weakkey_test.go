package server_test

import (
	stdcrypto "crypto"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"io"
	"math/big"
	"strings"
	"testing"

	"capf/crypto"
	"capf/enroll"
	"capf/enroll/authority"
	"capf/enroll/devices"
	"capf/enroll/phone"
	"capf/enroll/settings"
	"capf/store"
)

// sent is a phone's public key without the private one, which the CAPF issuer
// asks for no proof of.
type sent struct{ public stdcrypto.PublicKey }

func (s sent) Public() stdcrypto.PublicKey { return s.public }
func (s sent) Sign(io.Reader, []byte, stdcrypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("it has no private key")
}

// sending makes a phone send the key.
func sending(public stdcrypto.PublicKey) func(*phone.Config) {
	return func(c *phone.Config) {
		c.NewKey = func(crypto.KeyKind) (stdcrypto.Signer, error) { return sent{public}, nil }
	}
}

// TestKeysThatAreNotCertified has phones send keys that anybody can break, and the
// keys of others.
func TestKeysThatAreNotCertified(t *testing.T) {
	h := open(t)
	small := 1024 // whose primes are found soon
	bits := func(e *devices.Edit) { e.RSABits = &small }
	prime := func(bits int) *big.Int {
		p, err := rand.Prime(rand.Reader, bits)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	p := prime(512)
	next := new(big.Int).Add(p, big.NewInt(2))
	for !next.ProbablyPrime(20) {
		next.Add(next, big.NewInt(2))
	}
	mine, err := crypto.GenerateKey(rand.Reader, crypto.RSA1024)
	if err != nil {
		t.Fatal(err)
	}
	good := mine.Public().(*rsa.PublicKey).N
	const failed = "Upgrade Failed: Key Generation Failed/Timeout"
	for _, test := range []struct {
		name string
		n    *big.Int
		e    int
		want string // in the event
	}{
		{"divisible by 3", new(big.Int).Mul(big.NewInt(3), prime(1022)), 65537, "divisible by 3"},
		{"a square", new(big.Int).Mul(p, p), 3, "a square"},
		{"close primes", new(big.Int).Mul(p, next), 65537, "close together"},
		{"exponent 1", good, 1, "exponent 1"},
		{"even exponent", good, 65538, "exponent 65538"},
	} {
		h.add(sep, store.Install, bits)
		_, err := h.phone(sep, sending(&rsa.PublicKey{N: test.n, E: test.e}))
		h.declined(sep, failed, err)
		if got := h.reason(sep); !strings.Contains(got, test.want) {
			t.Errorf("%s: the event says %q", test.name, got)
		}
		if err := h.base.Store.DeleteDevice(t.Context(), operator, sep); err != nil {
			t.Fatal(err)
		}
	}
	// A small odd exponent is told of.
	h.add(sep, store.Install, bits)
	if _, err := h.phone(sep, sending(&rsa.PublicKey{N: good, E: 3})); err != nil {
		t.Fatal(err)
	}
	if warned := h.anyDetail(sep, "warning: its exponent is 3, where 65537 is usual"); !warned {
		t.Error("nobody is told of the exponent 3")
	}
	h.schedule(sep, store.Install)
	if _, err := h.phone(sep, sending(&rsa.PublicKey{N: good, E: 3})); err != nil {
		t.Errorf("with a key that it has sent before: %v", err)
	}

	// Another phone's: present, earlier, and for whatever issuer.
	h.add("first", store.Install)
	if _, err := h.phone("first"); err != nil {
		t.Fatal(err)
	}
	h.add("second", store.Install)
	refused := func(when string) {
		t.Helper()
		_, err := h.phone("second", func(c *phone.Config) { c.NewKey = keyOf("first") })
		h.declined("second", failed, err)
		if got := h.reason("second"); !strings.Contains(got, `the key is one that the device "first" has sent`) || len(h.lscs("second")) != 0 {
			t.Errorf("%s: the event says %q, the LSCs are %v", when, got, h.lscs("second"))
		}
	}
	refused("present")
	h.schedule("first", store.Install)
	if _, err := h.phone("first", func(c *phone.Config) { c.NewKey = keyOf("first, anew") }); err != nil {
		t.Fatal(err)
	}
	refused("earlier")
	h.set("certificate_issuer", "offline-ca")
	refused("for an offline CA")
	h.set("certificate_issuer", "capf")
	// Those of CAs, ours among them.
	root := newCA(t, "CAPF-0badcafe")
	if _, err := h.trustStores().Upload(t.Context(), operator, []authority.UploadFile{{Data: root.Leaf().Raw, Purposes: []store.Purpose{store.CAPFTrust}}},
		authority.UploadOptions{ForeignCAPF: true}); err != nil {
		t.Fatal(err)
	}
	ours, err := h.capf().Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	inForce, err := settings.Read(t.Context(), h.base.Store.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, ca := range []*crypto.Authority{root, ours} {
		_, err := h.phone("second", sending(ca.Leaf().PublicKey))
		h.declined("second", failed, err)
		if got := h.reason("second"); !strings.Contains(got, `but that of "`+ca.Leaf().Subject.CommonName) || len(h.lscs("second")) != 0 {
			t.Errorf("the event says %q, the LSCs are %v", got, h.lscs("second"))
		}
		// For another CA, from a phone that proves no possession.
		registrar := registrarOf(h.base)
		g, err := registrar.Authenticate(t.Context(), &inForce, enroll.Claim{Device: "second", Address: "192.0.2.1", Network: "192.0.2.1", Version: 3, Accepted: true})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := registrar.Enqueue(t.Context(), g, crypto.RSA2048, ca.Leaf().RawSubjectPublicKeyInfo, nil); !errors.Is(err, enroll.ErrKey) {
			t.Errorf("for another CA: %v", err)
		}
	}
	if _, err := h.phone("second"); err != nil {
		t.Errorf("with a key of its own: %v", err)
	}
}

// anyDetail says whether an event of the device has the words.
func (h *house) anyDetail(device, words string) bool {
	h.Helper()
	for e, err := range h.base.Store.Events(h.Context(), store.EventFilter{Device: device}) {
		if err != nil {
			h.Fatal(err)
		}
		if strings.Contains(e.Detail, words) {
			return true
		}
	}
	return false
}
