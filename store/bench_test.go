package store

import (
	"fmt"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// BenchmarkEnrollment makes the five calls of a phone's session, 64 phones at
// a time. cpu-µs/op is the processor time of the process, which does not
// contain the waiting for the disk.
func BenchmarkEnrollment(b *testing.B) {
	s := openStore(b, filepath.Join(b.TempDir(), "capf.db"), Options{})
	for _, name := range []string{"keep_alive", "capf_phone_port", "tls_min_version", "max_sessions"} {
		must(b, s.SetParameter(b.Context(), operator, name, "20"))
	}
	devices := make([]Device, b.N)
	for i := range devices {
		devices[i] = device(fmt.Sprintf("SEP%012X", i*7919%1000003))
	}
	parallel(b, len(devices), func(i int) error {
		_, err := s.AddDevice(b.Context(), operator, devices[i])
		return err
	})
	commits, changes, before := s.writer.commits.Load(), s.writer.changes.Load(), processorTime(b)
	b.ResetTimer()
	parallel(b, b.N, func(i int) error { return enrol(b, s, devices[i].Name) })
	b.StopTimer()
	b.ReportMetric(float64((processorTime(b)-before).Microseconds())/float64(b.N), "cpu-µs/op")
	b.ReportMetric(float64(s.writer.changes.Load()-changes)/float64(s.writer.commits.Load()-commits), "changes/commit")
}

func enrol(b testing.TB, s *Store, name string) error {
	d, err := s.Device(b.Context(), name)
	if err != nil {
		return err
	}
	if _, err := s.Parameters(b.Context()); err != nil {
		return err
	}
	if err := s.NoteAuthenticated(b.Context(), phone(name), d.ID, "", nil, nil); err != nil {
		return err
	}
	r := request(d)
	if r.Session, err = s.BeginInstall(b.Context(), d); err != nil {
		return err
	}
	l, err := s.IssueLSC(b.Context(), phone(name), NewLSC{Request: r, LSC: certificate()})
	if err != nil {
		return err
	}
	return s.MarkInstalled(b.Context(), phone(name), l.ID, d.Schedule)
}

func parallel(b *testing.B, n int, work func(i int) error) {
	const phones = 64
	var next atomic.Int64
	failures := make(chan error, phones)
	for range phones {
		go func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				if err := work(int(i)); err != nil {
					failures <- err
					return
				}
			}
			failures <- nil
		}()
	}
	for range phones {
		if err := <-failures; err != nil {
			b.Fatal(err)
		}
	}
}

func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkOpen is what a command pays before it asks its question.
func BenchmarkOpen(b *testing.B) {
	path := filepath.Join(b.TempDir(), "capf.db")
	openStore(b, path, Options{})
	for b.Loop() {
		s, err := Open(b.Context(), path, Options{})
		must(b, err)
		_, err = s.CountRequests(b.Context(), RequestFilter{State: RequestPending})
		must(b, err)
		must(b, s.Close())
	}
}
