// Package recordtest counts TLS records, for tests of servers that old phones, which stall
// on a frame in two records, must understand.
package recordtest

import (
	"bytes"
	"encoding/binary"
	"net"
)

// Counter is a connection that counts the TLS records with data which come in. TLS 1.3
// does not show which these are. It is for one goroutine.
type Counter struct {
	net.Conn
	Data int

	seen bytes.Buffer
}

// Read reads from the connection.
func (c *Counter) Read(b []byte) (int, error) {
	const header, applicationData = 5, 23
	n, err := c.Conn.Read(b)
	c.seen.Write(b[:n])
	for head := c.seen.Bytes(); len(head) >= header; head = c.seen.Bytes() {
		length := header + int(binary.BigEndian.Uint16(head[3:]))
		if len(head) < length {
			break
		}
		if head[0] == applicationData {
			c.Data++
		}
		c.seen.Next(length)
	}
	return n, err
}
