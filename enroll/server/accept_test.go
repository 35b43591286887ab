package server

import (
	"bytes"
	"log/slog"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// noFiles is a socket on which no connection can be accepted, since the process
// has no file descriptor left.
type noFiles struct {
	net.Listener
	tried int
}

func (n *noFiles) Accept() (net.Conn, error) {
	n.tried++
	return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
}

// TestAcceptWithoutDescriptors: an hour without a file descriptor costs a look a
// second and one line in the log.
func TestAcceptWithoutDescriptors(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var book bytes.Buffer
		l := &listener{env: &environment{sessions: newOpenSessions(time.Minute)}, log: slog.New(slog.NewTextHandler(&book, nil)), closed: make(chan struct{})}
		socket := &noFiles{}
		l.accepting.Go(func() { l.accept(socket) })
		time.Sleep(time.Hour)
		close(l.closed)
		l.accepting.Wait()
		if socket.tried < 1000 || socket.tried > 4000 {
			t.Errorf("tried %d times in an hour", socket.tried)
		}
		if n := strings.Count(book.String(), "\n"); n != 1 {
			t.Errorf("%d lines in the log", n)
		}
	})
}
