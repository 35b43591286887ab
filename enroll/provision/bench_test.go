package provision_test

import (
	"fmt"
	"runtime"
	"syscall"
	"testing"
	"time"

	"capf/enroll"
	"capf/enroll/provision"
	"capf/store"
)

// many puts devices into the database, by the way of a CSV file.
func (h *house) many(n int) {
	h.Helper()
	i := 0
	_, err := h.rules.Store.UpsertDevices(h.Context(), operator, store.Upsert{
		Action: "bulk-insert",
		Next: func() (string, bool) {
			i++
			return fmt.Sprintf("SEP%012X", i*7919), i <= n
		},
		Want: func(*store.Selected) (store.Device, error) {
			d, err := enroll.NewDevice(fmt.Sprintf("SEP%012X", i*7919))
			d.Pool = []string{"Berlin", "Hamburg"}[i%2]
			return d, err
		},
		Ready: func(store.UpsertTally) error { return nil },
	})
	must(h.TB, err)
}

// BenchmarkUpdate60000 selects and changes 60,000 devices in one transaction,
// each with a string of its own. cpu-s/op is the time of both cores that it
// takes, and MiB the growth of the heap at its largest.
func BenchmarkUpdate60000(b *testing.B) {
	h := newHouse(b)
	h.many(60000)
	owner, err := provision.NewOwner(h.rules)
	must(b, err)
	runner := provision.Runner{Rules: h.rules, Owner: owner}
	peak, before := watchMemory(b), processorTime(b)
	b.ResetTimer()
	for range b.N {
		j, err := runner.RunNow(b.Context(), operator, provision.Update{
			Selection: provision.Selection{Name: "SEP*"},
			Edit: provision.Edit{
				DeviceEdit: enroll.DeviceEdit{Operation: ptr(store.Install), AuthMode: ptr(store.ByString)}, Unique: true,
			},
		}, nil)
		must(b, err)
		if j.Changed != 60000 {
			b.Fatalf("%d devices were changed: %s", j.Changed, j.Detail)
		}
	}
	b.ReportMetric((processorTime(b)-before).Seconds()/float64(b.N), "cpu-s/op")
	b.ReportMetric(peak(), "MiB")
}

// watchMemory returns the growth of the heap at its largest.
func watchMemory(b *testing.B) func() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	before, most := m.HeapInuse, m.HeapInuse
	done := make(chan struct{})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapInuse)
			}
		}
	}()
	return func() float64 {
		close(done)
		<-stopped
		return float64(most-before) / (1 << 20)
	}
}

// BenchmarkInsert60000 puts the rows of a CSV file into an empty database.
func BenchmarkInsert60000(b *testing.B) {
	const rows = 60000
	text := []byte(header)
	for i := range rows {
		text = fmt.Appendf(text, "SEP%012X,desk %d,Berlin,Install/Upgrade,By Authentication String,%010d,RSA Only,2048,384,\n", i*7919, i, i)
	}
	var took time.Duration
	for range b.N {
		h := newHouse(b)
		peak := watchMemory(b)
		begin := time.Now()
		in, err := h.insert(string(text), provision.InsertOptions{})
		took += time.Since(begin)
		must(b, err)
		if in.Added != rows {
			b.Fatalf("%+v", in)
		}
		b.ReportMetric(peak(), "MiB")
	}
	b.ReportMetric(rows*float64(b.N)/took.Seconds(), "rows/s")
}

// processorTime is what the process has used so far, without the waiting.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	must(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
