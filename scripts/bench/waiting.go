package main

import (
	"context"
	stdcrypto "crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"capf/crypto"
	"capf/enroll/phone"
	"capf/enroll/wire"
	"capf/store"
)

// waiting is the cost of phones that wait for an operator.
type waiting struct {
	Phones  int     `json:"phones"`
	Memory  int64   `json:"bytes_per_phone"` // resident memory, beyond a server without phones
	Idle    float64 `json:"idle_cpu_share"`  // of one core
	Looked  time.Duration
	Arrived float64 `json:"phones_per_second"` // that began to wait

	Delivered int           `json:"delivered"` // certificates of one import
	P50       time.Duration `json:"p50_ns"`    // from the import's reading of the clock, before its commit
	P99       time.Duration `json:"p99_ns"`
	Most      time.Duration `json:"most_ns"`
}

// idleSpan is how long a server with waiting phones is watched.
const idleSpan = 10 * time.Second

// crowd is phones that wait, and when their certificates came.
type crowd struct {
	server string
	mu     sync.Mutex
	begun  int // phones that wait
	came   map[string]time.Time
	failed error
}

func measureWaiting(ctx context.Context, o options) (w *waiting, err error) {
	w = &waiting{Phones: o.waiting, Looked: idleSpan}
	d, err := newDatabase(ctx, o, "waiting")
	if err != nil {
		return nil, err
	}
	ca, err := newCompany(ctx, o, d)
	if err != nil {
		return nil, err
	}
	err = d.with(ctx, func(s *store.Store) error {
		return eachOf(o.waiting, func(i int) error {
			_, err := s.AddDevice(ctx, operator, scheduled(device(i), store.ECOnly))
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	server, err := serve(ctx, o, d)
	if err != nil {
		return nil, err
	}
	if err := w.watch(ctx, o, d, ca, server); err != nil {
		server.cmd.Process.Kill()
		<-server.ended
		return nil, server.failure(err.Error())
	}
	return w, server.stop()
}

// watch has phones connect, measures the server while they wait, and imports
// certificates for some of them.
func (w *waiting) watch(ctx context.Context, o options, d database, ca *company, server *serving) error {
	pid := server.cmd.Process.Pid
	empty, err := memory(pid)
	if err != nil {
		return err
	}
	ctx, leave := context.WithCancel(ctx)
	c := &crowd{server: server.address, came: map[string]time.Time{}}
	defer c.come(ctx, o.waiting)() // all have left
	defer leave()
	began := time.Now()
	if err := c.until(ctx, func() bool { return c.begun == w.Phones }); err != nil {
		return err
	}
	w.Arrived = float64(w.Phones) / time.Since(began).Seconds()
	if err := w.idle(ctx, pid, empty); err != nil {
		return err
	}
	w.Delivered = min(1000, w.Phones)
	signed := string(d) + ".signed.tgz"
	if err := ca.signAll(ctx, d, signed, w.Delivered); err != nil {
		return err
	}
	cmd := d.command(ctx, o, "offline", "import", signed)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("capf offline import: %w\n%s", err, out)
	}
	if err := c.until(ctx, func() bool { return len(c.came) == w.Delivered }); err != nil {
		return err
	}
	return w.deliveries(ctx, d, c)
}

// idle measures a server that has settled.
func (w *waiting) idle(ctx context.Context, pid int, empty int64) error {
	const settled = 5 * time.Second
	for _, span := range []time.Duration{settled, idleSpan} {
		before, err := processorTimes(pid)
		if err != nil {
			return err
		}
		select {
		case <-time.After(span):
		case <-ctx.Done():
			return ctx.Err()
		}
		after, err := processorTimes(pid)
		if err != nil {
			return err
		}
		w.Idle = (after.server - before.server).Seconds() / span.Seconds()
	}
	full, err := memory(pid)
	w.Memory = (full - empty) / int64(w.Phones)
	return err
}

// deliveries compares when certificates arrived with when they were imported.
func (w *waiting) deliveries(ctx context.Context, d database, c *crowd) error {
	var took []time.Duration
	err := d.with(ctx, func(s *store.Store) error {
		for e, err := range s.Events(ctx, store.EventFilter{Action: "offline-import"}) {
			if err != nil {
				return err
			}
			took = append(took, c.came[e.Device].Sub(e.At))
		}
		return nil
	})
	slices.Sort(took)
	if err == nil && len(took) != w.Delivered {
		err = fmt.Errorf("%d certificates were imported, not %d", len(took), w.Delivered)
	}
	if err == nil {
		w.P50, w.P99, w.Most = percentile(took, 50), percentile(took, 99), took[len(took)-1]
	}
	return err
}

// come has phones connect and wait; the function that it returns waits until all have
// gone.
func (c *crowd) come(ctx context.Context, n int) (gone func()) {
	var all sync.WaitGroup
	connecting := make(chan struct{}, 64)
	all.Go(func() {
		for i := range n {
			connecting <- struct{}{}
			all.Go(func() { c.phone(ctx, deviceName(i), sync.OnceFunc(func() { <-connecting })) })
		}
	})
	return all.Wait
}

// phone is one of them. It begins to wait once it has proved possession.
func (c *crowd) phone(ctx context.Context, name string, connected func()) {
	defer connected()
	_, err := phone.Run(ctx, phone.Config{
		Device: name, Servers: []string{c.server}, TLS: phoneTLS(), Attempts: 1,
		NewKey: func(crypto.KeyKind) (stdcrypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) },
		Observe: func(sent bool, f wire.Frame) {
			switch f.Command {
			case wire.CmdEncryptResponse:
				connected()
				c.mu.Lock()
				c.begun++
				c.mu.Unlock()
			case wire.CmdStoreCertificateRequest:
				c.mu.Lock()
				c.came[name] = time.Now()
				c.mu.Unlock()
			}
		},
	})
	if err != nil && ctx.Err() == nil {
		c.mu.Lock()
		c.failed = errors.Join(c.failed, fmt.Errorf("phone %s: %w", name, err))
		c.mu.Unlock()
	}
}

// until waits until a condition holds; a phone that fails ends it.
func (c *crowd) until(ctx context.Context, holds func() bool) error {
	for ctx.Err() == nil {
		c.mu.Lock()
		done, failed := holds(), c.failed
		c.mu.Unlock()
		if failed != nil || done {
			return failed
		}
		time.Sleep(10 * time.Millisecond)
	}
	return ctx.Err()
}

// memory is the resident memory of a process, in bytes.
func memory(pid int) (int64, error) {
	text, err := field(fmt.Sprintf("/proc/%d/status", pid), "VmRSS")
	if err != nil {
		return 0, err
	}
	kib, err := strconv.ParseInt(strings.TrimSuffix(text, " kB"), 10, 64)
	return kib << 10, err
}
