package commands

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// systemdSocket is a socket as systemd opens one; the function reads the next
// message.
func systemdSocket(t *testing.T, name string) func() string {
	t.Helper()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	check(t, err)
	t.Cleanup(func() { conn.Close() })
	return func() string {
		t.Helper()
		b := make([]byte, 256)
		check(t, conn.SetReadDeadline(time.Now().Add(20*time.Second)))
		n, err := conn.Read(b)
		check(t, err)
		return string(b[:n])
	}
}

// TestNotifiesSystemd runs serve as systemd does.
func TestNotifiesSystemd(t *testing.T) {
	t.Parallel()
	for name, socket := range map[string]string{
		"in the file system": filepath.Join(t.TempDir(), "n"),
		"abstract":           "@capf" + strings.ReplaceAll(t.TempDir(), "/", "-"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			next := systemdSocket(t, socket)
			dir := t.TempDir()
			c := capfProcess(t, dir, "serve", "--listen", "127.0.0.1:0")
			c.Env = append(c.Env, "NOTIFY_SOCKET="+socket, "WATCHDOG_USEC=150000")
			check(t, c.Start())
			if got := next(); got != "READY=1\nWATCHDOG=1" {
				t.Errorf("the first message is %q", got)
			}
			for range 2 { // a poll of serve is longer than a third of the watchdog's time
				if got := next(); got != "WATCHDOG=1" {
					t.Errorf("then comes %q", got)
				}
			}
			check(t, c.Process.Signal(os.Interrupt))
			for got := next(); got != "STOPPING=1"; got = next() {
				if got != "WATCHDOG=1" {
					t.Fatalf("at the end comes %q", got)
				}
			}
			check(t, c.Wait())
		})
	}
}
