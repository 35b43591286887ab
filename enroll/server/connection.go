package server

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"capf/enroll/wire"
)

// connection carries frames to and from one phone. It knows deadlines and TLS,
// and nothing of what the frames mean.
type connection struct {
	tcp        *net.TCPConn
	tls        *tls.Conn // nil before the handshake
	address    netip.Addr
	network    netip.Prefix
	began      time.Time
	timeouts   Timeouts
	handshakes *handshakeLimiter
	helloBytes int           // read before the handshake was over
	secure     bool          // the handshake is over
	cutBy      atomic.Int32  // a cutReason
	gone       chan struct{} // closed when the connection is cut
}

// cutReason is why the server itself closes a connection in the middle of a
// session.
type cutReason int32

const (
	notCut cutReason = iota
	cutByStop
	cutForRoom // for another session
)

func newConnection(tcp *net.TCPConn, address netip.Addr, timeouts Timeouts, handshakes *handshakeLimiter) *connection {
	return &connection{tcp: tcp, address: address, network: phoneNetwork(address), began: time.Now(),
		timeouts: timeouts, handshakes: handshakes, gone: make(chan struct{})}
}

// cut closes the connection from outside of its session. Only the first reason
// counts. It is called under the mutex of openSessions.
func (c *connection) cut(reason cutReason) {
	if c.cutBy.CompareAndSwap(int32(notCut), int32(reason)) {
		c.tcp.Close()
		close(c.gone)
	}
}

// wasCut says whether the server closed the connection for the reason.
func (c *connection) wasCut(reason cutReason) bool {
	return cutReason(c.cutBy.Load()) == reason
}

// shakeHands makes the TLS connection. Its deadline runs from the first byte, so
// that nobody keeps a place by sending nothing or little.
func (c *connection) shakeHands(config *tls.Config) error {
	c.tcp.SetDeadline(c.handshakeDeadline())
	c.tls = tls.Server(helloReader{c.tcp, c}, config)
	// With a context that ends, each handshake would have a second goroutine.
	if err := c.tls.Handshake(); err != nil {
		return err
	}
	c.secure = true
	return nil
}

func (c *connection) handshakeDeadline() time.Time { return c.began.Add(c.timeouts.Handshake) }

// helloReader is the TCP connection below TLS. It tells a handshake from which
// connection it comes, and bounds what that may send.
type helloReader struct {
	*net.TCPConn
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
		return r.TCPConn.Read(b)
	}
	if c.helloBytes >= maxHelloBytes {
		return 0, errLongHello
	}
	n, err := r.TCPConn.Read(b[:min(len(b), maxHelloBytes-c.helloBytes)])
	c.helloBytes += n
	return n, err
}

// write sends a frame in one write: two make a phone's client stall.
func (c *connection) write(frame []byte) error {
	c.tcp.SetWriteDeadline(time.Now().Add(c.timeouts.Write))
	_, err := c.tls.Write(frame)
	return err
}

// read reads a frame. The deadline, which may be zero for none, is that of the
// whole frame, however slowly its bytes arrive.
func (c *connection) read(from io.Reader, deadline time.Time) (wire.Frame, error) {
	c.tcp.SetReadDeadline(deadline)
	return wire.Read(from)
}

// lingerTime is how long a phone that was turned away has to close.
const lingerTime = 2 * time.Second

// linger lets a phone read the last frame. Closing a socket that holds unread
// bytes resets the connection, and the phone would lose what was sent to it.
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

// setKeepAlive makes something cross the wire in both directions at the
// interval, so that no firewall forgets a phone that waits. The vendor's own
// message for it is not known, and phones that wait for a certificate fail on
// any other command (protocol page, "Keepalive").
func (c *connection) setKeepAlive(interval time.Duration) {
	// An error means that the connection is gone, which its session will notice.
	_ = c.tcp.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: interval, Interval: interval, Count: 3})
}
