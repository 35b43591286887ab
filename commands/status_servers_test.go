package commands

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"capf/store"
)

// TestStatusOfMuteServer: a serve that lives and cannot write its report is
// neither well nor dead. Process 1 stands for it: it is older than the silence.
func TestStatusOfMuteServer(t *testing.T) {
	t.Parallel()
	dir := house(t)
	host, err := os.Hostname()
	check(t, err)
	for silence, mute := range map[time.Duration]bool{2 * time.Second: false, 25 * time.Second: true} {
		s, err := store.Open(t.Context(), filepath.Join(dir, "capf.db"), store.Options{Now: func() time.Time { return time.Now().Add(-silence) }})
		check(t, err)
		check(t, s.ReportServer(t.Context(), store.Server{PID: 1, Host: host, Addresses: []string{"127.0.0.1:3804"}}))
		check(t, s.Close())
		out := must(t, dir, "status")
		if got := strings.Contains(out, "error    serve (pid 1 on "+host+") has not been able to record anything since "); got != mute {
			t.Errorf("silent for %v:\n%s", silence, out)
		}
		if strings.Contains(out, "no serve is running") || strings.Contains(out, "without a word") {
			t.Errorf("silent for %v:\n%s", silence, out)
		}
	}
}
