package services

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"capf/enroll/settings"
	"capf/store"
)

// line answers each connection with a word; it is as small as a service can be.
type line struct {
	net.Listener
	ended chan struct{}
}

func (l *line) Shut() { l.Close() }

func (l *line) Drain(context.Context) { <-l.ended }

func openLine(_ context.Context, address string) (Listener, error) {
	socket, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	l := &line{socket, make(chan struct{})}
	go func() {
		defer close(l.ended)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			fmt.Fprint(c, "here")
			c.Close()
		}
	}()
	return l, nil
}

func answers(address string) bool {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return false
	}
	defer c.Close()
	text, err := io.ReadAll(c)
	return err == nil && string(text) == "here"
}

// house is a runner with one service of two listeners, of which an operator sets the
// state.
type house struct {
	*testing.T
	*store.Store
	runner *Runner
}

var operator = store.Actor{Kind: store.Operator}

func open(t *testing.T, parts ...Part) *house {
	s, err := store.Create(t.Context(), filepath.Join(t.TempDir(), "capf.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	h := &house{T: t, Store: s}
	for i := range parts {
		parts[i].Open = openLine
	}
	h.runner = New(Config{Store: s.Reader, Log: slog.New(slog.DiscardHandler), Poll: 5 * time.Millisecond,
		Services: []Service{{Name: settings.ServiceProvision, Parts: parts}}})
	h.runner.Begin(t.Context())
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.runner.Run(ctx)
	}()
	t.Cleanup(func() {
		stop()
		<-done
		for _, a := range h.report().Addresses {
			if _, address, _ := strings.Cut(a, " "); answers(address) {
				t.Errorf("%s still answers", a)
			}
		}
		s.Close()
	})
	return h
}

func (h *house) report() store.RunningService { return h.runner.Report()[0] }

// until waits for a report.
func (h *house) until(what string, ok func(store.RunningService) bool) store.RunningService {
	h.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(time.Minute); ; <-tick.C {
		r := h.report()
		if ok(r) {
			return r
		}
		if time.Now().After(end) {
			h.Fatalf("never %s: %+v", what, r)
		}
	}
}

func (h *house) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

// TestServiceFollows: a service listens while operators want it, at the same address
// after a restart, and on the port that a parameter says.
func TestServiceFollows(t *testing.T) {
	t.Parallel()
	h := open(t, Part{Name: "first", Listen: "127.0.0.1:0"})
	if r := h.report(); r.Active || len(r.Addresses) > 0 {
		t.Errorf("before it was activated: %+v", r)
	}
	h.must(h.SetService(t.Context(), operator, settings.ServiceProvision, true))
	began := h.until("active", func(r store.RunningService) bool { return r.Active && len(r.Addresses) == 1 })
	name, address, _ := strings.Cut(began.Addresses[0], " ")
	if name != "first" || !answers(address) {
		t.Errorf("it does not answer on %q", began.Addresses)
	}
	h.must(h.RestartService(t.Context(), operator, settings.ServiceProvision))
	again := h.until("restarted", func(r store.RunningService) bool { return r.Restarts == 1 })
	if len(again.Addresses) != 1 || again.Addresses[0] != began.Addresses[0] || !answers(address) {
		t.Errorf("after the restart it is at %q", again.Addresses)
	}
	h.must(h.SetService(t.Context(), operator, settings.ServiceProvision, false))
	h.until("stopped", func(r store.RunningService) bool { return !r.Active && len(r.Addresses) == 0 })
	if answers(address) {
		t.Error("it answers while it is deactivated")
	}
}

// TestPartInTrouble: a port that another program has keeps only its own part from
// listening, is told with what helps, and is tried again.
func TestPartInTrouble(t *testing.T) {
	t.Parallel()
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	h := open(t, Part{Name: "first", Listen: other.Addr().String()}, Part{Name: "second", Listen: "127.0.0.1:0"})
	h.must(h.SetService(t.Context(), operator, settings.ServiceProvision, true))
	r := h.until("active", func(r store.RunningService) bool { return r.Active })
	if len(r.Addresses) != 1 || !strings.HasPrefix(r.Addresses[0], "second ") {
		t.Errorf("it listens on %q", r.Addresses)
	}
	if want := "listening on " + other.Addr().String() + " for first: "; !strings.HasPrefix(r.Trouble, want) || !strings.Contains(r.Trouble, "address already in use") ||
		!strings.Contains(r.Hint, "another program has the port") {
		t.Errorf("its trouble is %q, with the hint %q", r.Trouble, r.Hint)
	}
	other.Close()
	r = h.until("without trouble", func(r store.RunningService) bool { return r.Trouble == "" })
	if len(r.Addresses) != 2 || r.Hint != "" {
		t.Errorf("when the port is free: %+v", r)
	}
}

// TestParametersAreFollowed: a listener that has read a parameter once is started
// again when that has changed.
func TestParametersAreFollowed(t *testing.T) {
	t.Parallel()
	opened := make(chan string, 10)
	h := open(t, Part{Name: "first", Listen: "127.0.0.1:0",
		State: func(_ context.Context, s settings.Settings) (string, error) {
			opened <- s.Issuer
			return s.Issuer, nil
		}})
	h.must(h.SetService(t.Context(), operator, settings.ServiceProvision, true))
	first := h.until("active", func(r store.RunningService) bool { return len(r.Addresses) == 1 })
	if got := <-opened; got != settings.IssuerCAPF {
		t.Errorf("it read %q", got)
	}
	h.must(h.SetParameter(t.Context(), operator, settings.Issuer, settings.IssuerOffline))
	for got := range opened {
		if got == settings.IssuerOffline {
			break
		}
	}
	now := h.until("active", func(r store.RunningService) bool { return len(r.Addresses) == 1 })
	if now.Addresses[0] != first.Addresses[0] {
		t.Errorf("it moved from %s to %s", first.Addresses[0], now.Addresses[0])
	}
}
