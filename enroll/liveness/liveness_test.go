package liveness

import (
	"os"
	"os/exec"
	"testing"
	"time"

	"capf/store"
)

// TestAlive: a serve that runs on this host is not dead because it could not
// write its report for a while, and another process with its number is not it.
func TestAlive(t *testing.T) {
	now := time.Date(2027, 1, 31, 18, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		name        string
		silent, age time.Duration
		want, mute  bool
	}{
		{"it has just reported itself", time.Second, time.Hour, true, false},
		{"the database is kept by an import", time.Minute, time.Hour, true, true},
		{"it was killed", time.Second, 0, false, false},
		{"another process has its number", time.Minute, time.Second, false, false},
		{"it has written nothing for very long", time.Hour, 24 * time.Hour, false, true},
	} {
		if got := wroteReport(store.Server{SeenAt: now.Add(-test.silent)}, now, test.age); got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
		if got := isSilent(store.Server{SeenAt: now.Add(-test.silent)}, now, test.age); got != test.mute {
			t.Errorf("%s: mute %v", test.name, got)
		}
	}
	elsewhere := store.Server{Host: "elsewhere.example", PID: os.Getpid(), SeenAt: now}
	if !Alive(elsewhere, now.Add(10*time.Second)) || Alive(elsewhere, now.Add(time.Minute)) {
		t.Error("on another host only the report counts")
	}
}

func TestProcessAge(t *testing.T) {
	began := time.Now()
	child := exec.Command("sleep", "60")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	age, own := processAge(child.Process.Pid), processAge(os.Getpid())
	if lived := time.Since(began); age <= 0 || age > lived+2*time.Second || own < age {
		t.Errorf("a child of %v is %v old, its parent %v", lived, age, own)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // it was killed
	if age := processAge(child.Process.Pid); age != 0 {
		t.Errorf("a process that was killed is %v old", age)
	}
}
