package host

import (
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Systemd is the supervisor of serve, which learns from it that it is ready and
// still alive (sd_notify(3)). If serve was not started by systemd, nothing is sent.
type Systemd struct {
	socket string
	every  time.Duration // between two signs of life; 0 for none
	log    *slog.Logger

	mu    sync.Mutex
	ready bool      // guarded by mu
	last  time.Time // guarded by mu
}

// NewSystemd reads what systemd has put into the environment: where it listens,
// which process it watches, and how long it waits for a sign of life. A third of
// that leaves room for a busy machine.
func NewSystemd(getenv func(string) string, pid int, log *slog.Logger) *Systemd {
	s := &Systemd{socket: getenv("NOTIFY_SOCKET"), log: log}
	watched := getenv("WATCHDOG_PID")
	if usec, err := strconv.ParseInt(getenv("WATCHDOG_USEC"), 10, 64); err == nil && usec > 0 && (watched == "" || watched == strconv.Itoa(pid)) {
		s.every = time.Duration(usec) * time.Microsecond / 3
	}
	return s
}

// Beat says once that serve is ready, and then from time to time that it is alive.
// It is called by the loop without which serve would be of no use.
func (s *Systemd) Beat() {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	switch {
	case !s.ready:
		s.ready, s.last = true, now
		s.send("READY=1", "WATCHDOG=1")
	case s.every > 0 && now.Sub(s.last) >= s.every:
		s.last = now
		s.send("WATCHDOG=1")
	}
}

// Stopping says that no new session is taken.
func (s *Systemd) Stopping() { s.send("STOPPING=1") }

func (s *Systemd) send(lines ...string) {
	if s.socket == "" {
		return
	}
	if err := sendDatagram(s.socket, strings.Join(lines, "\n")); err != nil {
		s.log.Warn("telling systemd", "reason", err.Error())
	}
}

// sendDatagram writes to a socket with a name in the file system or, with an @
// before it, in the abstract name space, which package net writes so too.
func sendDatagram(socket, text string) error {
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("reaching the socket of systemd: %w", err)
	}
	defer conn.Close()
	_, err = conn.Write([]byte(text))
	return err
}
