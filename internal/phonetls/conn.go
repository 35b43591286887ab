// Package phonetls is the server's end of TLS with a phone, of whatever age: bounded until
// the handshake is over, its key taken in turn, and each frame in one segment and one
// record. It must not know what is said, nor whose certificate is shown.
package phonetls

import (
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"time"

	"capf/internal/segment"
	"capf/internal/tls10"
)

// Conn is a TLS connection with a phone.
type Conn struct {
	*tls.Conn
	below *below
}

// Turn is for how long a connection may wait for its turn with the private key, and with
// whom it shares that.
type Turn struct {
	Network netip.Prefix
	Gone    <-chan struct{} // closed when nobody waits any more
	Ends    time.Time
}

// Server returns a connection that shakes hands at its Handshake, with a configuration that
// Config has made.
func Server(tcp net.Conn, config *tls.Config, turn Turn) *Conn {
	b := &below{Conn: segment.New(tcp), turn: turn}
	return &Conn{tls.Server(b, config), b}
}

// Handshake makes the TLS connection. The deadlines are those of the TCP connection: with a
// cancellable context, each handshake would need a second goroutine.
func (c *Conn) Handshake() error {
	b := c.below
	if err := b.Conn.Handshake(c.Conn.Handshake); err != nil {
		return err
	}
	if b.old != nil {
		if joiner := b.old.Joiner(); joiner != nil {
			b.Rewrite(joiner.Join)
		}
	}
	b.over, b.offer, b.old = true, Offer{}, nil
	return nil
}

// Offer is what the phone's ClientHello offers, until the handshake is over; empty before
// the ClientHello has come.
func (c *Conn) Offer() Offer { return c.below.offer }

// Write sends a frame in one segment: two would make a phone's client stall. With
// TLS 1.0 and a CBC suite, crypto/tls makes two records of it, which are joined.
func (c *Conn) Write(frame []byte) (n int, err error) {
	err = c.below.Frame(func() error {
		n, err = c.Conn.Write(frame)
		return err
	})
	return n, err
}

// Offer is what a ClientHello offers.
type Offer struct {
	Versions, Suites []uint16
}

// below is the connection below TLS. A handshake finds through it what is known of its
// connection.
type below struct {
	*segment.Conn
	turn       Turn
	offer      Offer
	old        *tls10.Handshake // of a phone that speaks TLS 1.0 alone, until the handshake is over
	helloBytes int              // read before the handshake was over
	over       bool             // the handshake
}

// maxHelloBytes bounds what a phone may send until the handshake is over. It needs a few
// hundred; Go would keep 64 KiB of a ClientHello that never ends, for each of thousands
// of connections.
const maxHelloBytes = 8 << 10

var errLongHello = errors.New("the handshake is too long")

func (b *below) Read(to []byte) (int, error) {
	if b.over {
		return b.Conn.Read(to)
	}
	if b.helloBytes >= maxHelloBytes {
		return 0, errLongHello
	}
	n, err := b.Conn.Read(to[:min(len(to), maxHelloBytes-b.helloBytes)])
	b.helloBytes += n
	return n, err
}

// Write shows the flights of the handshake to who has to know them.
func (b *below) Write(flight []byte) (int, error) {
	if b.old != nil {
		b.old.Sent(flight)
	}
	return b.Conn.Write(flight)
}
