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

// systemd is systemd, as far as serve speaks with it (sd_notify(3)): it is
// told when serve is ready and that it lives still. Outside of systemd there
// is none, and nothing is said.
type systemd struct {
	socket string
	every  time.Duration // between two signs of life; 0 for none
	log    *slog.Logger

	mu    sync.Mutex
	ready bool      // guarded by mu
	last  time.Time // guarded by mu
}

// NewSystemd reads what systemd has said in the environment. It watches the
// process that it names, and waits for a sign of life in the time it states; a
// third of that leaves room for a busy machine.
func NewSystemd(getenv func(string) string, pid int, log *slog.Logger) *systemd {
	s := &systemd{socket: getenv("NOTIFY_SOCKET"), log: log}
	watched := getenv("WATCHDOG_PID")
	if usec, err := strconv.ParseInt(getenv("WATCHDOG_USEC"), 10, 64); err == nil && usec > 0 && (watched == "" || watched == strconv.Itoa(pid)) {
		s.every = time.Duration(usec) * time.Microsecond / 3
	}
	return s
}

// Beat says, at first, that serve is ready, and then now and again that it
// lives. It is called by what has to go on for serve to be of use.
func (s *systemd) Beat() {
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
func (s *systemd) Stopping() { s.send("STOPPING=1") }

func (s *systemd) send(lines ...string) {
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
