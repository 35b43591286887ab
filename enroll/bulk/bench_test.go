package bulk_test

import (
	"fmt"
	"testing"
	"time"

	"capf/enroll/bulk"
	"capf/enroll/devices/devicestest"
)

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
		peak := devicestest.WatchMemory(b)
		begin := time.Now()
		in, err := h.insert(string(text), bulk.InsertOptions{})
		took += time.Since(begin)
		devicestest.Must(b, err)
		if in.Added != rows {
			b.Fatalf("%+v", in)
		}
		b.ReportMetric(peak(), "MiB")
	}
	b.ReportMetric(rows*float64(b.N)/took.Seconds(), "rows/s")
}
