package caworker

import (
	"os"
	"os/exec"
	"testing"
	"time"

	"capf/store"
)

// TestBeginBesideAnother: a serve that begins takes over what an earlier one has
// left behind, unless another one lives.
func TestBeginBesideAnother(t *testing.T) {
	t.Parallel()
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	ended := exec.Command(os.Args[0], "-test.run=^$")
	if err := ended.Run(); err != nil {
		t.Fatal(err)
	}
	living := exec.Command("sleep", "600")
	if err := living.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		living.Process.Kill()
		living.Wait()
	})
	for name, test := range map[string]struct {
		other store.Server
		takes bool
	}{
		"none":                     {store.Server{}, true},
		"one that was killed":      {store.Server{Host: host, PID: ended.Process.Pid}, true},
		"one of our number":        {store.Server{Host: host, PID: os.Getpid()}, true},
		"one on this host":         {store.Server{Host: host, PID: living.Process.Pid}, false},
		"one on another host":      {store.Server{Host: "elsewhere", PID: ended.Process.Pid}, false},
		"one that has been silent": {store.Server{Host: "elsewhere", PID: 1, SeenAt: time.Now().Add(-time.Minute)}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := time.Now()
			d := newDesk(t, func() time.Time { return now })
			if test.other.PID != 0 {
				if err := d.Store.ReportServer(t.Context(), test.other); err != nil {
					t.Fatal(err)
				}
			}
			if !test.other.SeenAt.IsZero() {
				now = now.Add(time.Minute)
			}
			request := d.Request(phone)
			o, err := d.Store.Online(t.Context(), request.ID)
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := d.Store.ClaimOnline(t.Context(), o, true, now.Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
			New(ca(d), Options{}).Begin(t.Context())
			due, err := d.Store.DueOnline(t.Context(), 1, false)
			if err != nil || (len(due) == 1) != test.takes {
				t.Errorf("due are %+v, %v", due, err)
			}
		})
	}
}
