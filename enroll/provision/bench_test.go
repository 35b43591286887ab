package provision_test

import (
	"crypto/rand"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"capf/enroll/devices"
	"capf/enroll/devices/devicestest"
	"capf/enroll/lists"
	"capf/enroll/provision"
	"capf/enroll/transfer"
)

// BenchmarkGive makes what phones ask for most: the list of all, the configuration of a
// device, and a file of the folder.
func BenchmarkGive(b *testing.B) {
	dir := b.TempDir()
	h := devicestest.New(b)
	h.Init()
	h.Set("provision_folder", dir)
	h.Add(sep, devices.Edit{})
	for _, name := range []string{"XMLDefault.cnf.xml", "ring.xml"} {
		devicestest.Must(b, os.WriteFile(filepath.Join(dir, name), []byte("<device><deviceProtocol>SIP</deviceProtocol></device>"), 0o644))
	}
	_, _, err := lists.Signing{Store: h.Rules.Store, Sealer: h.Rules.Sealer, Now: h.Clock.Now, Rand: rand.Reader}.Init(b.Context(), devicestest.Operator)
	devicestest.Must(b, err)
	files := provision.New(provision.Config{Store: h.Rules.Store.Reader, Sealer: h.Rules.Sealer, Now: h.Clock.Now, Log: slog.New(slog.DiscardHandler), Meter: counter{}})
	for _, name := range []string{"ITLFile.tlv", sep + ".cnf.xml", "ring.xml"} {
		b.Run(name, func(b *testing.B) {
			before := devicestest.ProcessorTime(b)
			for b.Loop() {
				f, err := files.Give(b.Context(), transfer.Request{Protocol: transfer.HTTP, Name: name, From: netip.MustParseAddr("192.0.2.7"), Local: netip.MustParseAddr("192.0.2.1")})
				devicestest.Must(b, err)
				_, err = io.Copy(io.Discard, f)
				devicestest.Must(b, err)
				f.Close()
			}
			b.ReportMetric(float64((devicestest.ProcessorTime(b)-before).Microseconds())/float64(b.N), "cpu-µs/op")
		})
	}
}
