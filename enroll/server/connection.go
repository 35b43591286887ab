package server

import (
	"crypto/tls"
	"io"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"capf/enroll"
	"capf/enroll/wire"
	"capf/internal/phonetls"
)

// connection carries frames to and from one phone. It knows deadlines and TLS,
// but not what the frames mean.
type connection struct {
	tcp      *net.TCPConn
	tls      *phonetls.Conn // over tcp; nil before the handshake
	address  netip.Addr
	network  netip.Prefix
	began    time.Time
	timeouts Timeouts
	secure   bool                         // the handshake is over
	cutBy    atomic.Int32                 // a cutReason
	gone     chan struct{}                // closed when the connection is cut
	shown    atomic.Pointer[shownSession] // nil before the handshake is over
	ended    atomic.Bool                  // an operator wants the session to end
}

// cutReason is why the server itself closes a connection in the middle of a
// session.
type cutReason int32

const (
	notCut cutReason = iota
	cutByStop
	cutForRoom // to make room for another session
)

func newConnection(tcp *net.TCPConn, address netip.Addr, timeouts Timeouts) *connection {
	return &connection{tcp: tcp, address: address, network: enroll.PhoneNetwork(address), began: time.Now(),
		timeouts: timeouts, gone: make(chan struct{})}
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
	c.tls = phonetls.Server(c.tcp, config, phonetls.Turn{Network: c.network, Gone: c.gone, Ends: c.handshakeDeadline()})
	err := c.tls.Handshake()
	c.secure = err == nil
	return err
}

func (c *connection) handshakeDeadline() time.Time { return c.began.Add(c.timeouts.Handshake) }

func (c *connection) write(frame []byte) error {
	c.tcp.SetWriteDeadline(time.Now().Add(c.timeouts.Write))
	_, err := c.tls.Write(frame)
	return err
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
