package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var (
	operator = Actor{Kind: Operator, Name: "jane", Address: "192.0.2.1", Terminal: "pts/3", Command: "capf test"}
	start    = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	serials  atomic.Int64
)

// applicationID is that of a database of capf.
const applicationID = 0x43415046

// migrations are those of SQLite, in the folder "migrations".
var migrations = os.DirFS("sqlite").(interface {
	fs.ReadDirFS
	fs.ReadFileFS
})

// clock stands still until it is moved.
type clock struct {
	mu sync.Mutex
	at time.Time // guarded by mu
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func newStore(t testing.TB) (*Store, *clock) {
	t.Helper()
	c := &clock{at: start}
	return openStore(t, filepath.Join(t.TempDir(), "capf.db"), Options{Now: c.now}), c
}

func openStore(t testing.TB, path string, o Options) *Store {
	t.Helper()
	s, err := Create(t.Context(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func phone(name string) Actor { return Actor{Kind: Phone, Name: name, Address: "198.51.100.7"} }

func device(name string) Device {
	return Device{
		Name: name, SecurityMode: Nonsecure, IPMode: TwoStack, Operation: Install, AuthMode: ByNullString,
		KeyOrder: RSAOnly, RSABits: 2048, ECBits: 384, Status: StatusPending,
	}
}

func addDevice(t testing.TB, s *Store, name string) Device {
	t.Helper()
	d, err := s.AddDevice(t.Context(), operator, device(name))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func request(d Device) Request {
	key := make([]byte, 294)
	copy(key, fmt.Sprint(serials.Add(1)))
	sum := sha256.Sum256(key)
	return Request{
		DeviceID: d.ID, Device: d.Name, Schedule: d.Schedule, Issuer: "capf", KeyKind: "rsa-2048",
		KeyHash: sum[:], PublicKey: key, Possessed: true, Address: "198.51.100.7",
	}
}

// ofProcess gives a request a key that no other process has.
func ofProcess(r Request) Request {
	sum := sha256.Sum256([]byte(r.Device))
	r.KeyHash = sum[:]
	return r
}

func certificate() LSC {
	der := make([]byte, 900)
	serial := fmt.Sprintf("%x", serials.Add(1)+0x4000000000)
	copy(der, serial)
	sum := sha256.Sum256(der)
	return LSC{
		Serial: serial, Subject: "CN=SEP000000000001,O=Example", Issuer: "CN=CAPF-00000001,O=Example", KeyKind: "rsa-2048",
		NotBefore: start.Add(-time.Hour), NotAfter: start.AddDate(5, 0, 0), Certificate: der, Fingerprint: sum[:],
	}
}

func issue(t testing.TB, s *Store, d Device) LSC {
	t.Helper()
	l, err := s.IssueLSC(t.Context(), phone(d.Name), NewLSC{Request: request(d), LSC: certificate()})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantErr(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got the error %v, want %v", err, want)
	}
}

func all[T any](t testing.TB, list iter.Seq2[T, error]) []T {
	t.Helper()
	got, err := collect(list)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func lscState(t testing.TB, s *Store, l LSC) LSCState {
	t.Helper()
	got, err := s.LSC(t.Context(), l.Serial)
	if err != nil {
		t.Fatal(err)
	}
	return got.State
}

func requestState(t testing.TB, s *Store, id int64) RequestState {
	t.Helper()
	got, err := s.Request(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return got.State
}

func deviceNow(t testing.TB, s *Store, name string) Device {
	t.Helper()
	d, err := s.Device(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// events counts the events that what does writes, and returns the last one.
func events(t testing.TB, s *Store, want int, what func()) Event {
	t.Helper()
	before := len(all(t, s.Events(context.Background(), EventFilter{})))
	what()
	after := all(t, s.Events(context.Background(), EventFilter{}))
	if got := len(after) - before; got != want {
		t.Fatalf("%d events were written, want %d", got, want)
	}
	if len(after) == 0 {
		return Event{}
	}
	return after[len(after)-1]
}
