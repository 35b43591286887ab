package jobs_test

import (
	"fmt"
	"testing"

	"capf/enroll/bulk"
	"capf/enroll/devices"
	"capf/enroll/devices/devicestest"
	"capf/enroll/jobs"
	"capf/store"
)

// many puts devices into the database, by the way of a CSV file.
func (h *house) many(n int) {
	h.Helper()
	i := 0
	_, err := h.Rules.Store.UpsertDevices(h.Context(), devicestest.Operator, store.Upsert{
		Action: "bulk-insert",
		Next: func() (string, bool) {
			i++
			return fmt.Sprintf("SEP%012X", i*7919), i <= n
		},
		Want: func(*store.Selected) (store.Device, error) {
			d, err := devices.New(fmt.Sprintf("SEP%012X", i*7919))
			d.Pool = []string{"Berlin", "Hamburg"}[i%2]
			return d, err
		},
		Ready: func(store.UpsertTally) error { return nil },
	})
	devicestest.Must(h.TB, err)
}

// BenchmarkUpdate60000 selects and changes 60,000 devices in one transaction,
// each with a string of its own. cpu-s/op is the time of both cores that it
// takes, and MiB the growth of the heap at its largest.
func BenchmarkUpdate60000(b *testing.B) {
	h := newHouse(b)
	h.many(60000)
	owner, err := jobs.NewOwner(h.Rules)
	devicestest.Must(b, err)
	runner := jobs.Runner{Rules: h.Rules, Owner: owner}
	peak, before := devicestest.WatchMemory(b), devicestest.ProcessorTime(b)
	b.ResetTimer()
	for range b.N {
		j, err := runner.RunNow(b.Context(), devicestest.Operator, bulk.Update{
			Selection: bulk.Selection{DeviceFilter: store.DeviceFilter{Name: "SEP*"}},
			Edit: devices.Edit{
				Operation: devicestest.Ptr(store.Install), AuthMode: devicestest.Ptr(store.ByString), UniqueString: true,
			},
		}, nil)
		devicestest.Must(b, err)
		if j.Changed != 60000 {
			b.Fatalf("%d devices were changed: %s", j.Changed, j.Detail)
		}
	}
	b.ReportMetric((devicestest.ProcessorTime(b)-before).Seconds()/float64(b.N), "cpu-s/op")
	b.ReportMetric(peak(), "MiB")
}
