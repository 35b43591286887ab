package archive

import (
	"bufio"
	"bytes"
)

// walkStream recognises the container by its first bytes, never by its
// name.
func (c *Reader) walkStream(name string, r *bounded, yield func(Entry) error) error {
	b := bufio.NewReaderSize(r, 64<<10)
	head, _ := b.Peek(peekLength) // a short file is recognised by what it has
	switch {
	case isGzip(head):
		// The gzip reader reads single bytes of b and no more than it needs.
		return c.walkGzip(name, b, r, yield)
	case isZip(head):
		return c.walkZip(b, yield)
	case isTar(head):
		return c.walkTar(b, yield)
	}
	return c.content(name, b, yield)
}

// Is reports whether data is an archive or compressed.
func Is(data []byte) bool {
	return isGzip(data) || isZip(data) || isTar(data[:min(len(data), peekLength)])
}

func isZip(head []byte) bool {
	return bytes.HasPrefix(head, []byte("PK\x03\x04")) || bytes.HasPrefix(head, []byte("PK\x05\x06"))
}

func isGzip(head []byte) bool { return bytes.HasPrefix(head, []byte{0x1f, 0x8b}) }

// isTar recognises a POSIX or GNU tar, and the block of zeros that is an empty
// one.
func isTar(head []byte) bool {
	return len(head) == peekLength && (string(head[257:262]) == "ustar" || len(bytes.Trim(head, "\x00")) == 0)
}
