package server_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"capf/enroll/phone"
	"capf/enroll/server"
	"capf/enroll/wire"
	"capf/store"
)

// eventually waits for what another goroutine is about to do.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for range ticks(ctx, 5*time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("never: %s", what)
}

// ticks yields at once and then at the interval, until ctx ends.
func ticks(ctx context.Context, every time.Duration) iter.Seq[struct{}] {
	return func(yield func(struct{}) bool) {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for ctx.Err() == nil && yield(struct{}{}) {
			select {
			case <-ctx.Done():
			case <-tick.C:
			}
		}
	}
}

func answers(address string) bool {
	c, err := net.Dial("tcp", address)
	if err == nil {
		c.Close()
	}
	return err == nil
}

func TestLimits(t *testing.T) {
	h := open(t)
	h.set("max_sessions", "2")
	h.add(sep, store.Install)
	known := func(name string) *conversation {
		h.add(name, store.Install)
		c := h.dial()
		c.hello(name)
		if f := c.read(); f.Command != wire.CmdKeyGenerateRequest {
			t.Fatalf("the server sent %v", f.Command)
		}
		return c
	}
	first, second := known("first"), known("second")
	if _, err := h.phone(sep); !errors.Is(err, phone.ErrCommunication) {
		t.Errorf("the third session: %v", err)
	}
	h.set("max_sessions", "0")
	h.set("max_sessions_per_address", "2")
	if _, err := h.phone(sep); !errors.Is(err, phone.ErrCommunication) {
		t.Errorf("the third session of an address: %v", err)
	}
	first.Close()
	second.Close()
	eventually(t, "a session is free again", func() bool { _, err := h.phone(sep); return err == nil })
}

// TestServiceReconciles deactivates, activates and restarts the running service.
func TestServiceReconciles(t *testing.T) {
	h := open(t)
	h.add(sep, store.Install)
	open := h.dial()
	if err := h.base.Store.SetService(t.Context(), operator, "capf", false); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the listener closes", func() bool { return !answers(h.address) })
	open.hello(sep)
	if f := open.read(); f.Command != wire.CmdKeyGenerateRequest {
		t.Errorf("the open session got %v", f.Command)
	}
	if err := h.base.Store.SetService(t.Context(), operator, "capf", true); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the listener opens", func() bool { return answers(h.address) })
	if _, err := h.phone(sep); err != nil {
		t.Error(err)
	}
	h.set("tls_min_version", "1.3")
	if out := sClient(t, h.address, "-tls1_2"); strings.Contains(out, "alert") {
		t.Errorf("TLS settings changed before the restart:\n%s", out)
	}
	if err := h.base.Store.RestartService(t.Context(), operator, "capf"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "TLS 1.2 is refused", func() bool { return strings.Contains(sClient(t, h.address, "-tls1_2"), "alert") })
}

// TestReport is what another process reads of a running server.
func TestReport(t *testing.T) {
	h := open(t)
	var servers []store.Server
	eventually(t, "the server reports itself", func() bool {
		var err error
		if servers, err = h.base.Store.Servers(t.Context()); err != nil {
			t.Fatal(err)
		}
		return len(servers) == 1
	})
	if one := servers[0]; one.Addresses[0] != h.address || one.Version != "test" || one.PID != os.Getpid() {
		t.Errorf("the report is %+v", one)
	}
	if err := h.stop(); err != nil {
		t.Errorf("the stop: %v", err)
	}
	if servers, _ = h.base.Store.Servers(t.Context()); len(servers) != 0 {
		t.Errorf("after the stop the report is %+v", servers)
	}
}

func TestStop(t *testing.T) {
	h := open(t, func(c *server.Config) { c.Grace = 200 * time.Millisecond })
	h.add(sep, store.Install)
	c := h.dial()
	c.hello(sep)
	c.read()
	if err := h.stop(); err != nil {
		t.Errorf("the stop: %v", err)
	}
	if answers(h.address) {
		t.Error("the port still answers")
	}
	if d := h.device(sep); d.Operation != store.Install || d.Status.Long() != "Upgrade Failed: Phone Communication Failure" {
		t.Errorf("the device has %s, %q", d.Operation, d.Status.Long())
	}
}

// keep holds the write lock of the database, as another process does, until the
// function that it returns is called or the test ends.
func (h *house) keep() (release func()) {
	h.Helper()
	h.add("kept", store.NoOperation)
	other, err := store.Open(h.Context(), h.base.Store.Path(), store.Options{Now: h.clock.now})
	if err != nil {
		h.Fatal(err)
	}
	held, free, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		_, err := other.ChangeDevice(context.Background(), operator, "kept", store.EventText{Action: "device-set"}, func(*store.Device) error {
			close(held)
			<-free
			return nil
		})
		done <- errors.Join(err, other.Close())
	}()
	release = sync.OnceFunc(func() {
		close(free)
		if err := <-done; err != nil {
			h.Error(err)
		}
	})
	h.Cleanup(release)
	<-held
	return release
}

// TestBeatsBehindLock: a report that cannot be written holds up nothing else.
func TestBeatsBehindLock(t *testing.T) {
	t.Parallel()
	var beats atomic.Int64
	h := open(t, func(c *server.Config) { c.Beat = func() { beats.Add(1) } })
	seen := func() time.Time {
		servers, err := h.base.Store.Servers(t.Context())
		if err != nil || len(servers) != 1 {
			t.Fatalf("the reports are %+v, %v", servers, err)
		}
		return servers[0].SeenAt
	}
	release := h.keep()
	h.clock.advance(time.Hour) // a report is due
	before, now := seen(), beats.Load()
	eventually(t, "the server beats on", func() bool { return beats.Load() >= now+4 })
	if !seen().Equal(before) {
		t.Error("the report was written past the lock")
	}
	release()
	eventually(t, "the report is written", func() bool { return seen().After(before) })
}

// TestStopBehindLock: a stop does not wait for another process.
func TestStopBehindLock(t *testing.T) {
	t.Parallel()
	var beats atomic.Int64
	h := open(t, func(c *server.Config) { c.Beat = func() { beats.Add(1) } })
	release := h.keep()
	h.clock.advance(time.Hour) // a report is due
	// Between two beats the server does little but wait with the report.
	now := beats.Load()
	eventually(t, "the server beats on", func() bool { return beats.Load() >= now+2 })
	stopped := make(chan error, 1)
	go func() { stopped <- h.stop() }()
	eventually(t, "the sockets are closed", func() bool { return !answers(h.address) })
	select {
	case err := <-stopped:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(50 * time.Second):
		t.Error("the server waits for the lock, a minute each time")
	}
	release()
}

func TestPortInUse(t *testing.T) {
	h := open(t)
	err := server.Run(t.Context(), server.Config{Store: h.base.Store, Sealer: h.base.Sealer, Now: h.base.Now, Rand: h.base.Rand, Listen: []string{h.address}, Log: h.base.Log})
	if err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("a second server on the port: %v", err)
	}
}

// sClient is openssl's view of the listener.
func sClient(t testing.TB, address string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "openssl", append([]string{"s_client", "-connect", address}, args...)...)
	out, _ := cmd.CombinedOutput() // a refused handshake is an exit code of 1
	return string(out)
}

// TestOldPhones shows the suites of 79xx phones with the lowest version at 1.0,
// and without it that they are refused.
func TestOldPhones(t *testing.T) {
	h := open(t)
	old := []string{"-tls1", "-cipher", "AES128-SHA@SECLEVEL=0"}
	if out := sClient(t, h.address, old...); !strings.Contains(out, "alert protocol version") {
		t.Errorf("TLS 1.0 was not refused:\n%s", out)
	}
	if out := sClient(t, h.address, "-tls1_2", "-cipher", "AES128-SHA"); !strings.Contains(out, "alert handshake failure") {
		t.Errorf("a suite for old phones was not refused:\n%s", out)
	}
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	h.set("tls_min_version", "1.0")
	h.start()
	for _, suite := range []string{"AES128-SHA", "AES256-SHA"} {
		out := sClient(t, h.address, "-tls1", "-cipher", suite+"@SECLEVEL=0")
		if !strings.Contains(out, "Protocol  : TLSv1\n") || !strings.Contains(out, suite) {
			t.Errorf("%s:\n%s", suite, out)
		}
	}
	h.set("tls_min_version", "1.1")
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	h.start()
	out := sClient(t, h.address, "-tls1_1", "-cipher", "AES128-SHA@SECLEVEL=0")
	if !strings.Contains(out, "Protocol  : TLSv1.1\n") || !strings.Contains(out, "AES128-SHA") {
		t.Errorf("TLS 1.1:\n%s", out)
	}
	out = sClient(t, h.address)
	if !strings.Contains(out, "TLSv1.3") {
		t.Errorf("new phones:\n%s", out)
	}
	if !strings.Contains(out, "No client certificate CA names sent") {
		t.Errorf("a client certificate is asked for:\n%s", out)
	}
}

// TestKeepAlive looks at the kernel's timers of a session that is open, as an
// operator would with ss.
func TestKeepAlive(t *testing.T) {
	h := open(t)
	h.set("keep_alive", "7")
	c := h.dial()
	probed := func(minutes int) {
		t.Helper()
		eventually(t, fmt.Sprintf("the open session is probed every %d minutes", minutes), func() bool {
			out, err := exec.Command("ss", "-tnoH", "src", h.address, "dst", c.LocalAddr().String()).CombinedOutput()
			if err != nil {
				t.Fatalf("ss: %v\n%s", err, out)
			}
			return strings.Contains(string(out), fmt.Sprintf("timer:(keepalive,%dmin", minutes-1)) ||
				strings.Contains(string(out), fmt.Sprintf("timer:(keepalive,%dmin", minutes))
		})
	}
	probed(7)
	h.set("keep_alive", "30")
	probed(30)
}

// TestIPModes is the chapter's table of connections, row by row: the server on
// loopback sockets of its families, the phone with its stack and its addresses.
func TestIPModes(t *testing.T) {
	h := open(t, func(c *server.Config) { c.Listen = []string{"127.0.0.1:0"} })
	h.set("enable_ipv6", "true")
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	const v4, v6, both = phone.IPv4, phone.IPv6, phone.IPv4 | phone.IPv6
	serverWith := map[phone.Family][]string{}
	for family, hosts := range map[phone.Family][]string{v4: {"127.0.0.1"}, v6: {"::1"}, both: {"127.0.0.1", "::1"}} {
		port := freePort(t, hosts)
		for _, host := range hosts {
			serverWith[family] = append(serverWith[family], net.JoinHostPort(host, port))
		}
		listening := &house{TB: t, base: h.base, clock: h.clock}
		listening.start(func(c *server.Config) { c.Listen = serverWith[family] })
	}
	for i, row := range []struct {
		mode   phone.IPMode
		has    phone.Family
		server phone.Family
		uses   phone.Family // 0: cannot connect
	}{
		{phone.TwoStack, both, both, v6},
		{phone.TwoStack, v4, both, v4},
		{phone.TwoStack, v6, both, v6},
		{phone.TwoStack, v4, v4, v4},
		{phone.TwoStack, both, v6, v6},
		{phone.TwoStack, both, v4, v4},
		{phone.TwoStack, v4, v6, 0},
		{phone.TwoStack, v6, v4, 0},
		{phone.TwoStack, v6, v6, v6},
		{phone.IPv4Only, v4, both, v4},
		{phone.IPv6Only, v6, both, v6},
		{phone.IPv4Only, v4, v4, v4},
		{phone.IPv4Only, v4, v6, 0},
		{phone.IPv6Only, v6, v6, v6},
		{phone.IPv6Only, v6, v4, 0},
	} {
		name := fmt.Sprintf("row-%d", i+1)
		t.Run(name, func(t *testing.T) {
			h := &house{TB: t, base: h.base, clock: h.clock}
			h.add(name, store.Install)
			r, err := h.phone(name, func(c *phone.Config) {
				c.Servers, c.IPMode, c.Addresses = serverWith[row.server], row.mode, row.has
			})
			if row.uses == 0 {
				if !errors.Is(err, phone.ErrNoRoute) || h.device(name).Operation != store.Install {
					t.Errorf("the phone ended with %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if is4 := r.Remote.(*net.TCPAddr).IP.To4() != nil; is4 != (row.uses == v4) {
				t.Errorf("it connected to %v", r.Remote)
			}
		})
	}
}

// TestIPv6TurnedAway: with enable_ipv6 false, the phone falls back to IPv4.
func TestIPv6TurnedAway(t *testing.T) {
	h := open(t, func(c *server.Config) { c.Listen = []string{":0"} })
	h.add(sep, store.Install)
	_, port, err := net.SplitHostPort(h.address)
	if err != nil {
		t.Fatal(err)
	}
	six, four := net.JoinHostPort("::1", port), net.JoinHostPort("127.0.0.1", port)
	if _, err := h.phone(sep, func(c *phone.Config) { c.Servers = []string{six} }); !errors.Is(err, phone.ErrCommunication) {
		t.Errorf("over IPv6: %v", err)
	}
	r, err := h.phone(sep, func(c *phone.Config) { c.Servers = []string{six, four} })
	if err != nil || r.Remote.String() != four {
		t.Errorf("with both: %v: %v", r.Remote, err)
	}
}

// freePort is a port that is free on all hosts.
func freePort(t *testing.T, hosts []string) string {
	t.Helper()
	for range 100 {
		first, err := net.Listen("tcp", net.JoinHostPort(hosts[0], "0"))
		if err != nil {
			t.Fatal(err)
		}
		_, port, _ := net.SplitHostPort(first.Addr().String())
		free := true
		for _, host := range hosts[1:] {
			l, err := net.Listen("tcp", net.JoinHostPort(host, port))
			if free = free && err == nil; err == nil {
				l.Close()
			}
		}
		first.Close()
		if free {
			return port
		}
	}
	t.Fatal("no port is free on all addresses")
	return ""
}
