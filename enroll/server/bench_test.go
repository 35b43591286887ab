package server_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"runtime/pprof"
	"sync"
	"sync/atomic"
	"testing"

	"capf/crypto"
	"capf/enroll/devices"
	"capf/enroll/phone"
	"capf/enroll/server"
	"capf/store"
)

// BenchmarkEnrol lets phones enroll, so many at the same time, in one process
// with the server. With -cpuprofile, the server's side is told apart by a label:
//
//	go test ./enroll/server -run - -bench Enrol/16 -cpuprofile cpu.out
//	go tool pprof -tagfocus side=server -top cpu.out
func BenchmarkEnrol(b *testing.B) {
	for _, phones := range []int{1, 16, 256} {
		b.Run(fmt.Sprint(phones), func(b *testing.B) { benchmarkEnrol(b, phones) })
	}
}

func benchmarkEnrol(b *testing.B, phones int) {
	var h *house
	pprof.Do(b.Context(), pprof.Labels("side", "server"), func(context.Context) {
		h = open(b, func(c *server.Config) {
			c.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
			c.Poll = 0 // the default: tests look at the database more often than is worth measuring
		})
	})
	addMany(h, b.N)
	haveKeys(b, b.N) // the clock is not for the phones' keys
	b.ResetTimer()
	pprof.Do(b.Context(), pprof.Labels("side", "phone"), func(context.Context) {
		enrolMany(h, phones, b.N)
	})
}

// addMany schedules an enrolment for n devices. Those that are added at the
// same time share a commit.
func addMany(h *house, n int) {
	h.Helper()
	install := store.Install
	inParallel(h, 128, n, func(i int) error {
		_, _, err := deviceRules(h.base).Add(h.Context(), operator, nthDevice(i), devices.Edit{Operation: &install})
		return err
	})
}

func enrolMany(h *house, phones, n int) {
	h.Helper()
	inParallel(h, phones, n, func(i int) error {
		_, err := phone.Run(h.Context(), phone.Config{
			Device: nthDevice(i), Servers: []string{h.address}, Attempts: 1,
			// What phones speak; Go's own choice costs both sides more.
			TLS:    &tls.Config{MaxVersion: tls.VersionTLS12, CurvePreferences: []tls.CurveID{tls.CurveP256}},
			NewKey: keyOf(nthDevice(i)),
		})
		return err
	})
}

// haveKeys makes the keys of so many devices.
func haveKeys(b *testing.B, n int) {
	b.Helper()
	for i := range n {
		if _, err := keyOf(nthDevice(i))(crypto.RSA2048); err != nil {
			b.Fatal(err)
		}
	}
}

func nthDevice(i int) string { return fmt.Sprintf("SEP%012X", i) }

// inParallel does the work for every number below n, so many at the same time.
func inParallel(t testing.TB, many, n int, work func(i int) error) {
	t.Helper()
	var next atomic.Int64
	var all sync.WaitGroup
	for range many {
		all.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				if err := work(int(i)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}
