package server_test

import (
	"context"
	stdcrypto "crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"log/slog"
	"math/big"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"capf/crypto"
	"capf/enroll"
	"capf/enroll/authority"
	"capf/enroll/devices"
	"capf/enroll/lscs"
	"capf/enroll/phone"
	"capf/enroll/secrets"
	"capf/enroll/server"
	"capf/enroll/settings"
	"capf/enroll/wire"
	"capf/store"
)

// patience is for how long a test waits for what has to happen, on a machine that
// does much else.
const patience = 5 * time.Minute

// soon is the time after which a server of a test gives up who is silent; an
// honest answer is there before, on such a machine too.
const soon = 4 * time.Second

var operator = store.Actor{Kind: store.Operator, Name: "test"}

// base is what a server and the rules stand on.
type base struct {
	Store  *store.Store
	Sealer *crypto.Sealer
	Now    func() time.Time
	Rand   io.Reader
	Log    *slog.Logger
}

// house is a database with a running server.
type house struct {
	testing.TB
	base    *base
	address string
	clock   *clock
	tls     *tls.Config  // what its phones speak; nil for the TLS of today
	stop    func() error // ends the server and returns what Run returned
	ended   func() error // waits until it ends by itself
}

// clock is a time that a test moves. The mutex guards shift.
type clock struct {
	mu    sync.Mutex
	shift time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.shift)
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shift += d
}

// aged is how old the CAs of the tests are, so that they can have made
// certificates that have expired since.
const aged = 300 * 24 * time.Hour

// newBase makes a database with a CAPF certificate.
func newBase(t testing.TB, c *clock) *base {
	t.Helper()
	path := filepath.Join(t.TempDir(), "capf.db")
	s, err := store.Create(t.Context(), path, store.Options{Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	sealer, err := secrets.CreateSealer(t.Context(), s, path+".key")
	if err != nil {
		t.Fatal(err)
	}
	r := &base{Store: s, Sealer: sealer, Now: c.now, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler)}
	c.advance(-aged)
	defer c.advance(aged)
	if _, err := capfOf(r).Init(t.Context(), operator, crypto.Name{Organization: "Acme", Country: "DE"}, 2048); err != nil {
		t.Fatal(err)
	}
	return r
}

// registrarOf is a registrar beside that of the server.
func registrarOf(r *base) *enroll.Registrar {
	return enroll.NewRegistrar(r.Store, r.Sealer, r.Now, r.Rand)
}

// open starts a server on 127.0.0.1, unless the configuration says otherwise.
func open(t testing.TB, set ...func(*server.Config)) *house {
	t.Helper()
	c := &clock{}
	h := &house{TB: t, base: newBase(t, c), clock: c}
	h.start(set...)
	return h
}

// opener is open, or openOld.
type opener func(testing.TB, ...func(*server.Config)) *house

// openOld starts a server whose phones speak TLS 1.0 with a CBC suite.
func openOld(t testing.TB, set ...func(*server.Config)) *house {
	t.Helper()
	c := &clock{}
	h := &house{TB: t, base: newBase(t, c), clock: c, tls: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10,
		MaxVersion: tls.VersionTLS10, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}}}
	h.set("tls_min_version", "1.0")
	h.start(set...)
	return h
}

// overBoth runs a test with phones of today, and with old ones, for which the server
// writes its records in another way.
func overBoth(t *testing.T, test func(*testing.T, opener)) {
	t.Parallel()
	t.Run("today", func(t *testing.T) { t.Parallel(); test(t, open) })
	t.Run("TLS 1.0", func(t *testing.T) { t.Parallel(); test(t, openOld) })
}

func (h *house) capf() authority.CAPF { return capfOf(h.base) }

func capfOf(r *base) authority.CAPF {
	return authority.CAPF{Store: r.Store, Sealer: r.Sealer, Now: r.Now, Rand: r.Rand}
}

func (h *house) revoker() lscs.Revoker { return lscs.Revoker{Store: h.base.Store, Now: h.base.Now} }

func (h *house) trustStores() authority.TrustStores {
	return authority.TrustStores{Store: h.base.Store, Now: h.base.Now}
}

func (h *house) start(set ...func(*server.Config)) {
	h.Helper()
	ready := make(chan []net.Addr, 16)
	cfg := server.Config{
		Store: h.base.Store, Sealer: h.base.Sealer, Now: h.base.Now, Rand: h.base.Rand, Listen: []string{"127.0.0.1:0"}, Log: slog.New(slog.NewTextHandler(h.Output(), nil)),
		Grace: 2 * time.Second, Version: "test", Poll: 20 * time.Millisecond,
		Ready: func(a []net.Addr) { ready <- a },
	}
	for _, f := range set {
		f(&cfg)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx, cfg) }()
	h.ended = sync.OnceValue(func() error { return <-done })
	h.stop = func() error { cancel(); return h.ended() }
	h.Cleanup(func() { h.stop() })
	select {
	case a := <-ready:
		h.address = a[0].String()
	case err := <-done:
		done <- err
		h.Fatalf("the server did not start: %v", err)
	}
}

// deviceRules are the rules for devices on the same database.
func deviceRules(r *base) *devices.Rules {
	return &devices.Rules{Store: r.Store, Sealer: r.Sealer, Now: r.Now, Rand: r.Rand}
}

// add makes a device with an operation scheduled.
func (h *house) add(name string, op store.Operation, set ...func(*devices.Edit)) {
	h.Helper()
	e := devices.Edit{Operation: &op}
	for _, f := range set {
		f(&e)
	}
	if _, _, err := deviceRules(h.base).Add(h.Context(), operator, name, e); err != nil {
		h.Fatal(err)
	}
}

func (h *house) change(name string, set func(*devices.Edit)) {
	h.Helper()
	var e devices.Edit
	set(&e)
	if _, _, err := deviceRules(h.base).Change(h.Context(), operator, name, e); err != nil {
		h.Fatal(err)
	}
}

func (h *house) schedule(name string, op store.Operation) {
	h.Helper()
	h.change(name, func(e *devices.Edit) { e.Operation = &op })
}

func (h *house) set(parameter, value string) {
	h.Helper()
	if _, err := settings.Set(h.Context(), h.base.Store, operator, parameter, value); err != nil {
		h.Fatal(err)
	}
}

func (h *house) device(name string) store.Device {
	h.Helper()
	d, err := h.base.Store.Device(h.Context(), name)
	if err != nil {
		h.Fatal(err)
	}
	return d
}

// lscs are the states of the LSCs of a device, oldest first.
func (h *house) lscs(device string) []store.LSCState {
	h.Helper()
	var states []store.LSCState
	for l, err := range h.base.Store.LSCs(h.Context(), store.LSCFilter{Device: device}) {
		if err != nil {
			h.Fatal(err)
		}
		states = append(states, l.State)
	}
	return states
}

// phone enrols once; the options change what the phone does.
func (h *house) phone(name string, set ...func(*phone.Config)) (phone.Result, error) {
	h.Helper()
	c := phone.Config{Device: name, Servers: []string{h.address}, Attempts: 1, Timeout: patience, NewKey: keyOf(name), TLS: h.tls}
	for _, f := range set {
		f(&c)
	}
	return phone.Run(h.Context(), c)
}

// keys made once for all tests, since RSA keys take their time: each device has
// one of each kind. The mutex guards the maps.
var keys = struct {
	sync.Mutex
	made  map[string]stdcrypto.Signer // by kind and device
	first map[crypto.KeyKind]*rsa.PrivateKey
	next  int // number of the next variant
}{made: map[string]stdcrypto.Signer{}, first: map[crypto.KeyKind]*rsa.PrivateKey{}}

// keyOf makes the key of a device when it is first asked for.
func keyOf(device string) func(crypto.KeyKind) (stdcrypto.Signer, error) {
	return func(kind crypto.KeyKind) (k stdcrypto.Signer, err error) {
		keys.Lock()
		defer keys.Unlock()
		id := string(kind) + " " + strings.ToLower(device)
		if k, ok := keys.made[id]; ok {
			return k, nil
		}
		if first := keys.first[kind]; first != nil {
			k, err = variant(first)
		} else if k, err = crypto.GenerateKey(rand.Reader, kind); err == nil {
			keys.first[kind], _ = k.(*rsa.PrivateKey) // of 512 bits it is another type, and soon made
		}
		keys.made[id] = k
		return k, err
	}
}

// variant is another public key of the same primes, with the next exponent: a new
// key for nearly nothing.
func variant(of *rsa.PrivateKey) (stdcrypto.Signer, error) {
	one, phi := big.NewInt(1), big.NewInt(1)
	for _, p := range of.Primes {
		phi.Mul(phi, new(big.Int).Sub(p, one))
	}
	for {
		keys.next++
		e := big.NewInt(65537 + 2*int64(keys.next))
		if d := new(big.Int).ModInverse(e, phi); d != nil {
			k := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: of.N, E: int(e.Int64())}, D: d, Primes: of.Primes}
			k.Precompute()
			return k, k.Validate()
		}
	}
}

// conversation is a phone made by hand, for what no honest phone does.
type conversation struct {
	testing.TB
	*tls.Conn
	id uint32
}

// connect makes the connection of a conversation.
func (h *house) connect() *conversation {
	h.Helper()
	config := h.tls
	if config == nil {
		config = &tls.Config{InsecureSkipVerify: true}
	}
	conn, err := tls.Dial("tcp", h.address, config)
	if err != nil {
		h.Fatal(err)
	}
	h.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	return &conversation{h, conn, 0}
}

// dial connects and reads the AUTH_REQUEST.
func (h *house) dial() *conversation {
	h.Helper()
	c := h.connect()
	f := c.read()
	if f.Command != wire.CmdAuthRequest {
		h.Fatalf("the server began with %v", f.Command)
	}
	c.id = f.Session
	return c
}

func (c *conversation) read() wire.Frame {
	c.Helper()
	f, err := wire.Read(c)
	if err != nil {
		c.Fatalf("reading a frame: %v", err)
	}
	return f
}

func (c *conversation) write(f wire.Frame) {
	c.Helper()
	b, err := f.Marshal()
	if err != nil {
		c.Fatal(err)
	}
	c.writeBytes(b)
}

func (c *conversation) writeBytes(b []byte) {
	c.Helper()
	if _, err := c.Write(b); err != nil {
		c.Fatal(err)
	}
}

// hello authenticates by null string.
func (c *conversation) hello(device string) {
	c.Helper()
	c.write(wire.AuthResponse{Version: 3, Device: device, Reason: wire.ReasonSuccess, Password: []byte{}}.Frame(c.id))
}

// end expects the END_SESSION and the end of the connection after it.
func (c *conversation) end(want wire.Reason) {
	c.Helper()
	m, err := wire.ParseEndSession(c.read())
	if err != nil {
		c.Fatal(err)
	}
	if m.Reason != want {
		c.Errorf("the session ended with reason %d, not %d", m.Reason, want)
	}
	if _, err := c.Read(make([]byte, 1)); err != io.EOF {
		c.Errorf("after END_SESSION: %v, not the end of the connection", err)
	}
}

// newCA makes a CA of the test's own.
func newCA(t testing.TB, cn string) *crypto.Authority {
	t.Helper()
	key, err := crypto.GenerateKey(rand.Reader, crypto.RSA2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: cn, Organization: []string{cn}},
		NotBefore: time.Now().Add(-aged), NotAfter: time.Now().Add(aged),
		BasicConstraintsValid: true, IsCA: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	a, err := crypto.LoadAuthority([][]byte{der}, key, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// identity makes a certificate for a phone.
func identity(t testing.TB, a *crypto.Authority, kind crypto.KeyKind, cn, serial string, now time.Time, days int) *phone.Identity {
	t.Helper()
	key, err := crypto.GenerateKey(rand.Reader, kind)
	if err != nil {
		t.Fatal(err)
	}
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	der, err := a.Issue(rand.Reader, crypto.LSCTemplate{Device: cn, CommonName: cn, SerialNumber: serial, SPKI: spki, ValidityDays: days}, now)
	if err != nil {
		t.Fatal(err)
	}
	return &phone.Identity{Certificate: der, Key: key, Type: wire.TypeLSC}
}
