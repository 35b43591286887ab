// Package wire turns CAPF frames into Go values and back: bytes in, bytes out.
// It knows the layout of the protocol and nothing else: sockets, clocks, logs,
// devices and the validity of certificates are its users' business.
//
// All parsing is strict: an accepted frame marshals to the same bytes
// again.
package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

const (
	// HeaderSize is the length in bytes of the header before a body: protocol
	// id (1), command (1), session id (4), body length (2).
	HeaderSize = 8
	// MaxBody is the longest body in bytes that is sent or accepted. The length
	// field could say 65535, but the longest message, an AUTH_RESPONSE with two
	// certificates and four RSA-4096 signatures, stays under 8 KiB. Twice that
	// leaves room for large certificates and limits the memory that a stranger
	// can make a server use.
	MaxBody = 16 << 10
)

// ErrMalformed is wrapped by every error about a frame, an element or a
// message that the protocol does not allow.
var ErrMalformed = errors.New("malformed frame")

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
}

// Header is the fixed part of a frame. Length is that of the body in bytes.
type Header struct {
	Command Command
	Session uint32
	Length  uint16
}

// ParseHeader reads a header from the first HeaderSize bytes of b. An error
// wraps ErrMalformed. An unknown command is not an error here.
func ParseHeader(b []byte) (Header, error) {
	if len(b) < HeaderSize {
		return Header{}, malformed("%d bytes are too few for a header of %d", len(b), HeaderSize)
	}
	if b[0] != ProtocolID {
		return Header{}, malformed("protocol id 0x%02x is not 0x%02x", b[0], ProtocolID)
	}
	h := Header{
		Command: Command(b[1]),
		Session: binary.BigEndian.Uint32(b[2:]),
		Length:  binary.BigEndian.Uint16(b[6:]),
	}
	if h.Length > MaxBody {
		return Header{}, malformed("body of %d bytes is over the limit of %d", h.Length, MaxBody)
	}
	return h, nil
}

// Frame is one message with its elements in the order of the wire.
type Frame struct {
	Command  Command
	Session  uint32 // chosen by the server, repeated by the phone
	Elements []Element
}

// Parse reads b, which must be exactly one frame. Elements with unknown tags
// are kept and reported by Unknown. The values alias b. An error wraps
// ErrMalformed.
func Parse(b []byte) (Frame, error) {
	h, err := ParseHeader(b)
	if err != nil {
		return Frame{}, err
	}
	return ParseBody(h, b[HeaderSize:])
}

// ParseBody reads the body that belongs to h. The values of the elements alias
// body. An error wraps ErrMalformed.
func ParseBody(h Header, body []byte) (Frame, error) {
	if len(body) != int(h.Length) {
		return Frame{}, malformed("header announces a body of %d bytes, there are %d", h.Length, len(body))
	}
	f := Frame{Command: h.Command, Session: h.Session}
	for rest := body; len(rest) > 0; {
		tag := Tag(rest[0])
		value, after, ok := lengthPrefixed(rest[1:])
		if !ok {
			return Frame{}, malformed("%v is cut off", tag)
		}
		f.Elements = append(f.Elements, Element{tag, value})
		rest = after
	}
	if err := f.check(); err != nil {
		return Frame{}, err
	}
	return f, nil
}

// lengthPrefixed splits b into a value, whose length is in its first two
// bytes, and what follows.
func lengthPrefixed(b []byte) (value, rest []byte, ok bool) {
	if len(b) < 2 {
		return nil, nil, false
	}
	n := int(binary.BigEndian.Uint16(b))
	b = b[2:]
	if n > len(b) {
		return nil, nil, false
	}
	return b[:n:n], b[n:], true
}

// check refuses duplicates and values that their tag does not allow.
func (f Frame) check() error {
	var seen [256]bool
	for _, e := range f.Elements {
		if seen[e.Tag] {
			return malformed("%v comes twice", e.Tag)
		}
		seen[e.Tag] = true
		if err := e.check(); err != nil {
			return err
		}
	}
	return nil
}

// Marshal returns header and body in one slice, because two writes make the
// client of a real phone stall. It refuses a body over MaxBody and does not
// check the values.
func (f Frame) Marshal() ([]byte, error) {
	n := 0
	for _, e := range f.Elements {
		n += 3 + len(e.Value)
	}
	if n > MaxBody {
		return nil, fmt.Errorf("marshalling %v: body of %d bytes is over the limit of %d", f.Command, n, MaxBody)
	}
	b := make([]byte, 0, HeaderSize+n)
	b = append(b, ProtocolID, byte(f.Command))
	b = binary.BigEndian.AppendUint32(b, f.Session)
	b = binary.BigEndian.AppendUint16(b, uint16(n))
	for _, e := range f.Elements {
		b = append(b, byte(e.Tag))
		b = binary.BigEndian.AppendUint16(b, uint16(len(e.Value)))
		b = append(b, e.Value...)
	}
	return b, nil
}

// Read reads one frame and not a byte more. The error is io.EOF when r ends
// before the frame begins, wraps io.ErrUnexpectedEOF when it ends inside,
// wraps ErrMalformed when the bytes are no frame, and is otherwise the
// reader's.
func Read(r io.Reader) (Frame, error) {
	var head [HeaderSize]byte
	if _, err := io.ReadFull(r, head[:]); err == io.EOF {
		return Frame{}, io.EOF
	} else if err != nil {
		return Frame{}, fmt.Errorf("reading frame header: %w", err)
	}
	h, err := ParseHeader(head[:])
	if err != nil {
		return Frame{}, err
	}
	body := make([]byte, h.Length)
	if _, err := io.ReadFull(r, body); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return Frame{}, fmt.Errorf("reading body of %v: %w", h.Command, err)
	}
	return ParseBody(h, body)
}

// Unknown lists the tags that the protocol page does not name, in the order of
// the frame. Receivers skip them.
func (f Frame) Unknown() []Tag {
	var tags []Tag
	for _, e := range f.Elements {
		if !e.Tag.known() {
			tags = append(tags, e.Tag)
		}
	}
	return tags
}

// value returns the value of the first element with the tag; ok is false
// when there is none.
func (f Frame) value(tag Tag) (value []byte, ok bool) {
	for _, e := range f.Elements {
		if e.Tag == tag {
			return e.Value, true
		}
	}
	return nil, false
}

// expect checks that f is the given command and holds the required elements.
// Others are ignored, whether the protocol names them or not: extra elements
// are no reason to turn a phone away. The values are checked again, since a
// Frame need not come from Parse.
func (f Frame) expect(cmd Command, required ...Tag) error {
	if f.Command != cmd {
		return malformed("%v where %v belongs", f.Command, cmd)
	}
	if err := f.check(); err != nil {
		return err
	}
	for _, tag := range required {
		if _, ok := f.value(tag); !ok {
			return malformed("%v without %v", cmd, tag)
		}
	}
	return nil
}
