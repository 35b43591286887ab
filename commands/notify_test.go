package commands

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// toldFindings are the findings that the program of a house has got so far.
func toldFindings(t *testing.T, dir string) (all []struct{ Event, Kind, Object string }) {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, "told.json"))
	if os.IsNotExist(err) {
		return nil
	}
	check(t, err)
	defer f.Close()
	for dec := json.NewDecoder(f); ; {
		var m struct {
			Findings []struct{ Event, Kind, Object string }
		}
		if err := dec.Decode(&m); err == io.EOF || err == io.ErrUnexpectedEOF { // it is being written
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, m.Findings...)
	}
}

// TestServeNotifies: of two serves, one runs the program when something is found, and
// once more when it is gone; another serve that starts meanwhile tells nothing again.
func TestServeNotifies(t *testing.T) {
	t.Parallel()
	dir := house(t)
	if code, out := capf(t, dir, "notify", "test"); code != 4 || !strings.Contains(out, "no notify_command is set") {
		t.Errorf("exit code %d\n%s", code, out)
	}
	program := filepath.Join(dir, "tell.sh")
	rings := filepath.Join(dir, "rings")
	check(t, unix.Mkfifo(rings, 0o600))
	bell, err := os.OpenFile(rings, os.O_RDWR|unix.O_NONBLOCK, 0)
	check(t, err)
	defer bell.Close()
	check(t, os.WriteFile(program, []byte("#!/bin/sh\numask 077\ncat >> "+dir+"/told.json\necho >> "+rings+"\n"), 0o700))
	must(t, dir, "set", "notify_command", program)
	if code, out := capf(t, dir, "notify", "test"); code != 4 || !strings.Contains(out, "no serve is running") {
		t.Errorf("exit code %d\n%s", code, out)
	}
	serve := func(name string) (stop func()) {
		c := capfProcess(t, dir, "serve", "--listen", "127.0.0.1:0", "--address-file", name)
		check(t, c.Start())
		return func() {
			check(t, c.Process.Signal(os.Interrupt))
			check(t, c.Wait())
		}
	}
	stopOne := serve("one.address")
	stopOther := serve("other.address")
	awaitFile(t, filepath.Join(dir, "one.address"))
	awaitFile(t, filepath.Join(dir, "other.address"))
	told := func(events string) {
		t.Helper()
		var words []string
		check(t, bell.SetReadDeadline(time.Now().Add(patience)))
		for {
			words = nil
			for _, f := range toldFindings(t, dir) {
				words = append(words, f.Event+" "+f.Kind+" "+f.Object)
			}
			if strings.Join(words, ", ") == events {
				return
			}
			if _, err := bell.Read([]byte{0}); err != nil {
				t.Fatalf("told is %q, want %q: %v", words, events, err)
			}
		}
	}
	must(t, dir, "service", "deactivate", "capf")
	told("appeared service-deactivated capf")
	// It is recorded once the program has ended; were serve stopped before, the other one
	// would tell it again.
	for deadline := time.Now().Add(patience); !strings.Contains(must(t, dir, "audit", "list", "--action", "notify", "--csv"), "appeared service-deactivated"); {
		if time.Now().After(deadline) {
			t.Fatal("what was told is not recorded")
		}
	}
	stopOne()
	stopThird := serve("third.address")
	if out := must(t, dir, "notify", "test"); !strings.Contains(out, "the program has succeeded") {
		t.Error(out)
	}
	must(t, dir, "service", "activate", "capf")
	awaitFile(t, filepath.Join(dir, "third.address")) // it listens now
	all := toldFindings(t, dir)
	if len(all) < 2 || all[1].Event != "test" {
		t.Fatalf("told %v", all)
	}
	told("appeared service-deactivated capf, test test " + all[1].Object + ", gone service-deactivated capf")
	check(t, os.WriteFile(program, []byte("#!/bin/sh\necho the mail server is away\nexit 75\n"), 0o700))
	if code, out := capf(t, dir, "notify", "test"); code != 1 || !strings.Contains(out, "notify_command has failed: exit status 75: the mail server is away") {
		t.Errorf("exit code %d\n%s", code, out)
	}
	stopOther()
	stopThird()
}
