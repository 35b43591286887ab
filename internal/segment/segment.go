// Package segment lets what belongs together leave a TCP connection in one write, and
// so in one segment. Phones stall on a frame that comes in two pieces, and TLS writes
// each of its records by itself. It must not know what is written.
package segment

import (
	"bytes"
	"net"
	"sync"
)

// Conn is a connection, as TLS has it below itself. What is written goes out at once,
// but for a Frame and during a Handshake. It keeps no memory between them, since
// thousands of phones wait at the same time.
type Conn struct {
	net.Conn

	mu      sync.Mutex // guards the rest
	holding bool       // until the frame is whole
	flights bool       // until the handshake waits for the other side
	held    []byte
	rewrite func([]byte) ([]byte, error)
	broken  error // a write has failed, perhaps in the middle of a record
}

// New returns the connection with nothing held.
func New(conn net.Conn) *Conn { return &Conn{Conn: conn} }

// Rewrite lets what leaves from now on go through the function, which may change the
// bytes that it is given. Nothing may be held.
func (c *Conn) Rewrite(f func([]byte) ([]byte, error)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rewrite = f
}

// Frame lets everything that write writes leave in one write. The error is that of
// write, or else of the one write.
func (c *Conn) Frame(write func() error) error {
	c.set(true, false)
	return c.end(write)
}

// Handshake lets each flight of a handshake leave in one write, before the next read.
// Nothing else may read meanwhile.
func (c *Conn) Handshake(shake func() error) error {
	c.set(true, true)
	return c.end(shake)
}

func (c *Conn) set(holding, flights bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.holding, c.flights = holding, flights
}

// end does the work, and sends what is still held, after a panic too.
func (c *Conn) end(work func() error) (err error) {
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.holding, c.flights = false, false
		if failed := c.flush(); err == nil {
			err = failed
		}
	}()
	return work()
}

// Write holds the bytes, or sends them. After a write that has failed each further one
// fails alike, for TLS does not know of it.
func (c *Conn) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.broken != nil:
		return 0, c.broken
	case c.holding:
		c.held = append(c.held, b...)
		return len(b), nil
	case c.rewrite != nil:
		b = bytes.Clone(b) // a Write may not change it
	}
	if c.send(b); c.broken != nil {
		return 0, c.broken
	}
	return len(b), nil
}

// Read sends a flight of the handshake first, for which the other side waits.
func (c *Conn) Read(b []byte) (int, error) {
	if err := c.endFlight(); err != nil {
		return 0, err
	}
	return c.Conn.Read(b)
}

func (c *Conn) endFlight() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.flights {
		return nil
	}
	return c.flush()
}

// flush sends what is held. The mutex is held.
func (c *Conn) flush() error {
	b := c.held
	c.held = nil
	if c.broken == nil && len(b) > 0 {
		c.send(b)
	}
	return c.broken
}

// send sends the bytes, rewritten. The mutex is held.
func (c *Conn) send(b []byte) {
	if c.rewrite != nil {
		if b, c.broken = c.rewrite(b); c.broken != nil {
			return
		}
	}
	_, c.broken = c.Conn.Write(b)
}
