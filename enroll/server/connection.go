package server

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"capf/enroll"
	"capf/enroll/wire"
	"capf/internal/segment"
	"capf/internal/tls10"
	"capf/internal/turns"
)

// connection carries frames to and from one phone. It knows deadlines and TLS,
// but not what the frames mean.
type connection struct {
	tcp        *net.TCPConn
	whole      *segment.Conn // over tcp; what TLS writes for one frame leaves in one piece
	tls        *tls.Conn     // over whole; nil before the handshake
	address    netip.Addr
	network    netip.Prefix
	began      time.Time
	timeouts   Timeouts
	handshakes *turns.Limiter
	helloBytes int                          // read before the handshake was over
	offer      offer                        // empty before the ClientHello was read
	old        *tls10.Handshake             // of a phone that speaks TLS 1.0 alone, until the handshake is over
	secure     bool                         // the handshake is over
	cutBy      atomic.Int32                 // a cutReason
	gone       chan struct{}                // closed when the connection is cut
	shown      atomic.Pointer[shownSession] // nil before the handshake is over
	ended      atomic.Bool                  // an operator wants the session to end
}

// cutReason is why the server itself closes a connection in the middle of a
// session.
type cutReason int32

const (
	notCut cutReason = iota
	cutByStop
	cutForRoom // to make room for another session
)

func newConnection(tcp *net.TCPConn, address netip.Addr, timeouts Timeouts, handshakes *turns.Limiter) *connection {
	return &connection{tcp: tcp, whole: segment.New(tcp), address: address, network: enroll.PhoneNetwork(address), began: time.Now(),
		timeouts: timeouts, handshakes: handshakes, gone: make(chan struct{})}
}

// cut closes the connection from outside its session. Only the first reason
// counts. The mutex of openSessions is held.
func (c *connection) cut(reason cutReason) {
	if c.cutBy.CompareAndSwap(int32(notCut), int32(reason)) {
		c.tcp.Close()
		close(c.gone)
	}
}

// wasCut reports whether the server closed the connection for that reason.
func (c *connection) wasCut(reason cutReason) bool {
	return cutReason(c.cutBy.Load()) == reason
}

// endForOperator wakes the session, which then ends by itself, so that the phone is
// told.
func (c *connection) endForOperator() {
	c.ended.Store(true)
	c.tcp.SetReadDeadline(time.Unix(1, 0))
}

// tlsVersion is the version that phone and server have agreed on.
func (c *connection) tlsVersion() string {
	if !c.secure {
		return ""
	}
	return tls.VersionName(c.tls.ConnectionState().Version)
}

// shakeHands makes the TLS connection. Its deadline runs from the first byte, so
// that a client that sends little or nothing cannot hold a place.
func (c *connection) shakeHands(config *tls.Config) error {
	c.tcp.SetDeadline(c.handshakeDeadline())
	c.tls = tls.Server(helloReader{c.whole, c}, config)
	// With a cancellable context, each handshake would need a second goroutine.
	if err := c.whole.Handshake(c.tls.Handshake); err != nil {
		return err
	}
	if c.old != nil {
		if joiner := c.old.Joiner(); joiner != nil {
			c.whole.Rewrite(joiner.Join)
		}
	}
	c.secure, c.offer, c.old = true, offer{}, nil
	return nil
}

func (c *connection) handshakeDeadline() time.Time { return c.began.Add(c.timeouts.Handshake) }

// helloReader is the connection below TLS. It links a handshake to its
// connection, and bounds how much the phone may send.
type helloReader struct {
	*segment.Conn
	connection *connection
}

// maxHelloBytes bounds what a phone may send until the handshake is over. Go would
// keep 64 KiB of a ClientHello that never ends, for each of thousands of
// connections.
const maxHelloBytes = 8 << 10

var errLongHello = errors.New("the handshake is too long")

func (r helloReader) Read(b []byte) (int, error) {
	c := r.connection
	if c.secure {
		return r.Conn.Read(b)
	}
	if c.helloBytes >= maxHelloBytes {
		return 0, errLongHello
	}
	n, err := r.Conn.Read(b[:min(len(b), maxHelloBytes-c.helloBytes)])
	c.helloBytes += n
	return n, err
}

// Write shows the flights of the handshake to who has to know them.
func (r helloReader) Write(b []byte) (int, error) {
	if old := r.connection.old; old != nil {
		old.Sent(b)
	}
	return r.Conn.Write(b)
}

// write sends a frame in one segment: two would make a phone's client stall. With
// TLS 1.0 and a CBC suite, crypto/tls makes two records of it, which are joined.
func (c *connection) write(frame []byte) error {
	c.tcp.SetWriteDeadline(time.Now().Add(c.timeouts.Write))
	return c.whole.Frame(func() error {
		_, err := c.tls.Write(frame)
		return err
	})
}

// read reads a frame. The deadline is for the whole frame, however slowly its
// bytes arrive; the zero time means none.
func (c *connection) read(from io.Reader, deadline time.Time) (wire.Frame, error) {
	c.tcp.SetReadDeadline(deadline)
	return wire.Read(from)
}

// lingerTime is how long a phone that was turned away has to close the
// connection.
const lingerTime = 2 * time.Second

// linger gives the phone time to read the last frame. Closing a socket that
// holds unread bytes resets the connection, and the phone would lose the
// frame.
func (c *connection) linger() {
	c.tcp.SetDeadline(time.Now().Add(lingerTime))
	if c.tls.CloseWrite() != nil || c.tcp.CloseWrite() != nil {
		return
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(c.tcp, 4*wire.MaxBody))
}

// close ends TLS and the connection.
func (c *connection) close() {
	c.tcp.SetWriteDeadline(time.Now().Add(c.timeouts.Write))
	c.tls.Close()
}

// setKeepAlive sets the interval of TCP keepalive probes, which keep a
// firewall from forgetting a phone that waits. The vendor's own keepalive
// message is not known, and phones that wait for a certificate fail on any
// other command (protocol page, "Keepalive").
func (c *connection) setKeepAlive(interval time.Duration) {
	// An error means that the connection is gone; its session will notice.
	_ = c.tcp.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: interval, Interval: interval, Count: 3})
}
