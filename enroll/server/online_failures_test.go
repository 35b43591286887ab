package server_test

import (
	"bytes"
	"log/slog"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"capf/enroll/onlineca"
	"capf/enroll/onlineca/catest"
	"capf/enroll/phone"
	"capf/enroll/server"
	"capf/store"
)

// logBook is a log that is looked at while it is written. The mutex guards b.
type logBook struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBook) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.b.String(), text)
}

// sql changes the database behind the server's back.
func (h *house) sql(statement string) {
	h.Helper()
	if out, err := exec.CommandContext(h.Context(), "sqlite3", "-cmd", ".timeout 60000", h.base.Store.Path(), statement).CombinedOutput(); err != nil {
		h.Fatalf("%v: %s", err, out)
	}
}

// TestOnlineCannotWrite: as on a full disk, no request can be taken up. The
// worker neither spins nor fills the log, and goes on when it can.
func TestOnlineCannotWrite(t *testing.T) {
	t.Parallel()
	var book logBook
	h := open(t, fast, func(c *server.Config) {
		c.Log = slog.New(slog.NewTextHandler(&book, nil))
	})
	ca := catest.MustCertsrv(t, catest.CertsrvOptions{Transport: catest.Transport{Login: catest.UserLogin("Basic")}})
	h.online(onlineca.Microsoft, ca.Server)
	h.sql("CREATE TRIGGER full BEFORE UPDATE ON online_requests BEGIN SELECT RAISE(ABORT, 'full'); END")
	addMany(h, 4)
	var phones []*waitingPhone
	for i := range 4 {
		phones = append(phones, h.waits(nthDevice(i)))
		eventually(t, "the request is kept", func() bool { _, o := h.request(nthDevice(i)); return o.State == store.OnlineQueued })
	}
	eventually(t, "the trouble is in the log", func() bool { return book.count("level=ERROR") > 0 })
	if n := book.count("level=ERROR"); n > 1 {
		t.Errorf("%d lines in the log", n)
	}
	h.sql("DROP TRIGGER full")
	for _, w := range phones {
		if <-w.done; w.err != nil || w.r.Outcome != phone.Installed {
			t.Errorf("the phone did %v: %v", w.r.Outcome, w.err)
		}
	}
	if n := book.count("level=ERROR"); n > 1 {
		t.Errorf("%d lines in the log", n)
	}
}

// TestOnlineConfigurationUnreadable: a setting cannot be read any more. What a
// phone waits for comes all the same.
func TestOnlineConfigurationUnreadable(t *testing.T) {
	t.Parallel()
	h := open(t, fast)
	ca := catest.MustCertsrv(t, catest.CertsrvOptions{Transport: catest.Transport{Login: catest.UserLogin("Basic")}, Outcome: catest.Pend})
	h.online(onlineca.Microsoft, ca.Server)
	h.add(sep, store.Install)
	w := h.waits(sep)
	h.until(sep, store.OnlineTaken)
	if err := h.base.Store.SetParameter(t.Context(), operator, "online_ca_port", "a narrower version's"); err != nil {
		t.Fatal(err)
	}
	if err := ca.Decide("41", catest.Issue); err != nil {
		t.Fatal(err)
	}
	if <-w.done; w.err != nil || w.r.Outcome != phone.Installed {
		t.Errorf("the phone did %v: %v", w.r.Outcome, w.err)
	}
}
