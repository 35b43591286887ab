package host

import (
	"log/slog"
	"testing"
	"time"
)

func TestWatchdog(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		usec, pid string
		every     time.Duration
	}{
		{"", "", 0}, {"60000000", "", 20 * time.Second}, {"60000000", "7", 20 * time.Second}, {"60000000", "8", 0}, {"x", "", 0}, {"-3", "7", 0},
	} {
		env := map[string]string{"WATCHDOG_USEC": test.usec, "WATCHDOG_PID": test.pid}
		s := NewSystemd(func(name string) string { return env[name] }, 7, slog.New(slog.DiscardHandler))
		if s.every != test.every {
			t.Errorf("%+v: every %v", test, s.every)
		}
		s.Beat() // to nobody
	}
}
