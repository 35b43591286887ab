package server

import (
	"crypto/rand"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"capf/crypto"
	"capf/enroll"
	"capf/enroll/authority"
	"capf/enroll/devices"
	"capf/enroll/secrets"
	"capf/enroll/settings"
	"capf/store"
)

var tester = store.Actor{Kind: store.Operator, Name: "test"}

// bench is a session without a server, for what depends on the order of two
// goroutines: the test is the other one.
type bench struct {
	*testing.T
	session *session
	phone   *tls.Conn // the other end of its connection
	db      *store.Store
	now     func() time.Time
	// meanwhile is called once, when the session next asks for the time: which it
	// does between its looks at the request.
	meanwhile atomic.Pointer[func()]
}

// newBench makes a session that waits for a request of a device.
func newBench(t *testing.T) *bench {
	t.Helper()
	path := filepath.Join(t.TempDir(), "capf.db")
	db, err := store.Create(t.Context(), path, store.Options{})
	must(t, err)
	t.Cleanup(func() { db.Close() })
	sealer, err := secrets.CreateSealer(t.Context(), db, path+".key")
	must(t, err)
	b, log := &bench{T: t, db: db}, slog.New(slog.DiscardHandler)
	b.now = func() time.Time {
		if f := b.meanwhile.Swap(nil); f != nil {
			(*f)()
		}
		return time.Now()
	}
	capf := authority.CAPF{Store: db, Sealer: sealer, Now: time.Now, Rand: rand.Reader}
	_, err = capf.Init(t.Context(), tester, crypto.Name{}, 2048)
	must(t, err)
	own, err := capf.Load(t.Context())
	must(t, err)
	params, err := settings.Read(t.Context(), db.Reader)
	must(t, err)
	env := newEnvironment(Config{Store: db, Now: b.now, Log: log}.withDefaults(), enroll.NewRegistrar(db, sealer, b.now, rand.Reader), nil, own, params)
	client, phone := pair(t)
	conn := newConnection(client, netip.MustParseAddr("192.0.2.1"), env.timeouts)
	b.session = newSession(env, conn, &params, log)
	b.phone = tls.Client(phone, &tls.Config{InsecureSkipVerify: true})
	shaken := make(chan error)
	go func() { shaken <- conn.shakeHands(env.tls) }()
	must(t, b.phone.Handshake())
	must(t, <-shaken)
	b.begin()
	return b
}

// begin has a device wait for an operator.
func (b *bench) begin() {
	b.Helper()
	install := store.Install
	d, _, err := (&devices.Rules{Store: b.db, Now: b.now}).Add(b.Context(), tester, "SEP000000000001", devices.Edit{Operation: &install})
	must(b.T, err)
	r, err := b.db.SubmitRequest(b.Context(), tester, store.Request{DeviceID: d.ID, Schedule: d.Schedule, Issuer: settings.IssuerOffline,
		KeyKind: string(crypto.RSA2048), KeyHash: []byte("hash"), PublicKey: []byte("key")})
	must(b.T, err)
	b.session.state, b.session.wait = awaitIssuer, &issuerWait{session: b.session, request: r.ID, device: "sep000000000001"}
}

// next lets something happen between the session's looks at its request.
func (b *bench) next(f func()) { b.meanwhile.Store(&f) }

// decide lets an operator delete the request.
func (b *bench) decide() {
	b.Helper()
	_, err := b.db.DeleteRequests(b.Context(), tester, nil)
	must(b.T, err)
}

// pair is a connection on this host.
func pair(t *testing.T) (here, there *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	conn, err := net.Dial("tcp", l.Addr().String())
	must(t, err)
	other, err := l.Accept()
	must(t, err)
	t.Cleanup(func() { conn.Close(); other.Close() })
	return other.(*net.TCPConn), conn.(*net.TCPConn)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestDecidedBefore: what is decided about a request, or changed about its
// operation, after a session has looked and before anybody can wake it, it finds
// out by itself. The phone hangs up then, so that a session that has not noticed
// ends otherwise.
func TestDecidedBefore(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*bench){
		"decided": (*bench).decide,
		"given less time": func(b *bench) {
			_, err := b.db.ChangeDevice(b.Context(), tester, "SEP000000000001", store.EventText{Action: "device-set"},
				func(d *store.Device) error { d.CompletesBy = d.CompletesBy.Add(-time.Hour); return nil })
			must(b.T, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.next(func() { change(b); b.phone.Close() })
			if err := b.session.wait.read(make([]byte, 1)); !errors.Is(err, errDecided) {
				t.Errorf("the session went on with %v", err)
			}
		})
	}
}

// TestNotWokenAfterwards: a session that does not wait any more is one whose
// phone may be storing its LSC. Whoever comes late to wake it leaves it alone.
func TestNotWokenAfterwards(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*bench){
		"decided meanwhile": func(b *bench) { b.next(func() { b.decide(); b.phone.Write([]byte{1}) }) },
		"woken": func(b *bench) {
			go func() {
				for !b.session.env.waits.any() {
					runtime.Gosched()
				}
				b.session.env.waits.wake(b.session.wait)
			}()
		},
		"the phone says something": func(b *bench) { b.phone.Write([]byte{1}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			end(b)
			if err := b.session.wait.read(make([]byte, 1)); err != nil && !errors.Is(err, errDecided) {
				t.Fatal(err)
			}
			b.session.conn.tcp.SetReadDeadline(time.Time{}) // as for the phone that stores
			waits, db := b.session.env.waits, b.db.Reader
			must(t, waits.wakeDevices(t.Context(), db, map[string]bool{b.session.wait.device: true}))
			must(t, waits.wakeAll(t.Context(), db))
			waits.wake(b.session.wait)
			if waits.any() {
				t.Error("the session is still among those that wait")
			}
			b.phone.Write([]byte{2})
			if _, err := io.ReadFull(b.session.conn.tls, make([]byte, 1)); err != nil {
				t.Errorf("the phone was cut off: %v", err)
			}
		})
	}
}
