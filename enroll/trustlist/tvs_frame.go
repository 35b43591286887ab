package trustlist

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"
)

// TVSHeaderSize is the length in bytes of the header of a TVS frame: 57 01, command (1),
// reserved (1), session (4), length of the elements (2).
const TVSHeaderSize = 10

// MaxTVSBody is the longest body in bytes that is read or written: room for a large
// certificate, and a bound on what a stranger makes a server keep. The length field
// could say 65535.
const MaxTVSBody = 16 << 10

const tvsMagic = 0x5701

// The commands.
const (
	tvsVerifyRequest  = 1
	tvsVerifyResponse = 2
	tvsQueryRequest   = 3
	tvsQueryResponse  = 4
)

// The tags, a number space of their own. Those of a query by name are in tvs_query.go.
const (
	tvsDevice      = 1
	tvsCertificate = 2
	tvsSubject     = 3
	tvsStatus      = 7
	tvsRoles       = 8
	tvsKeep        = 9
)

var tvsTagNames = map[byte]string{
	tvsDevice:      "DEVICE",
	tvsCertificate: "CERTIFICATE",
	tvsSubject:     "SUBJECTNAME",
	tvsIssuer:      "ISSUERNAME",
	tvsSerial:      "SERIALNUMBER",
	tvsStatus:      "STATUS",
	tvsRoles:       "ROLES",
	tvsKeep:        "TIME",
}

func tvsTagName(tag byte) string {
	if name, ok := tvsTagNames[tag]; ok {
		return name
	}
	return fmt.Sprintf("element %d", tag)
}

// ReadTVSFrame reads one frame, header and elements. io.EOF says that there is none any
// more; an error about what was read wraps ErrMalformed.
func ReadTVSFrame(r io.Reader) ([]byte, error) {
	frame := make([]byte, TVSHeaderSize)
	if n, err := io.ReadFull(r, frame); err == io.ErrUnexpectedEOF {
		return nil, malformed("it ends after %d of %d bytes of its header", n, TVSHeaderSize)
	} else if err != nil {
		return nil, err
	}
	length, err := tvsBodyLength(frame)
	if err != nil {
		return nil, err
	}
	frame = slices.Grow(frame, length)[:TVSHeaderSize+length]
	if n, err := io.ReadFull(r, frame[TVSHeaderSize:]); err == io.EOF || err == io.ErrUnexpectedEOF {
		return nil, malformed("it ends after %d of %d bytes of its elements", n, length)
	} else if err != nil {
		return nil, err
	}
	return frame, nil
}

func tvsBodyLength(header []byte) (int, error) {
	if magic := binary.BigEndian.Uint16(header); magic != tvsMagic {
		return 0, malformed("no TVS frame: it begins with %04x instead of %04x", magic, tvsMagic)
	}
	length := int(binary.BigEndian.Uint16(header[8:]))
	if length > MaxTVSBody {
		return 0, malformed("its elements have %d bytes, more than the %d that are taken", length, MaxTVSBody)
	}
	return length, nil
}

// tvsFrame is a frame whose elements have been told apart.
type tvsFrame struct {
	command  byte
	session  uint32
	elements map[byte][]byte // each tag once
}

// parseTVSFrame takes the frame apart. The reserved byte is ignored: a real server sends
// f7 in it. Elements of other tags than ours are of no interest.
func parseTVSFrame(frame []byte) (f tvsFrame, err error) {
	if len(frame) < TVSHeaderSize {
		return f, malformed("%d bytes are too few for the header of a TVS frame", len(frame))
	}
	length, err := tvsBodyLength(frame)
	if err != nil {
		return f, err
	}
	if have := len(frame) - TVSHeaderSize; have != length {
		return f, malformed("its elements have %d bytes, and its header says %d", have, length)
	}
	f = tvsFrame{command: frame[2], session: binary.BigEndian.Uint32(frame[4:]), elements: map[byte][]byte{}}
	r := reader{b: frame, at: TVSHeaderSize, end: len(frame), within: "the frame", named: tvsTagName}
	for r.at < r.end {
		start := r.at
		e, err := r.next()
		if err != nil {
			return f, err
		}
		if _, twice := f.elements[e.Tag]; twice {
			return f, malformed("%s at byte %d stands there twice", tvsTagName(e.Tag), start)
		}
		f.elements[e.Tag] = e.Value
	}
	return f, nil
}

// value is the value of an element; ok is false where it is absent. A size of at least
// 0 is the one that it must have.
func (f tvsFrame) value(tag byte, size int) (v []byte, ok bool, err error) {
	v, ok = f.elements[tag]
	if ok && size >= 0 && len(v) != size {
		return nil, true, malformed("%s has %d bytes instead of %d", tvsTagName(tag), len(v), size)
	}
	return v, ok, nil
}

// name is the text of an element, "" where it is absent.
func (f tvsFrame) name(tag byte) (string, error) {
	v, ok := f.elements[tag]
	if !ok {
		return "", nil
	}
	return text(tvsTagName(tag), v)
}

// marshalTVS writes a frame around elements.
func marshalTVS(command byte, session uint32, elements []byte) ([]byte, error) {
	if len(elements) > MaxTVSBody {
		return nil, malformed("the elements of a TVS frame would have %d bytes, more than the %d that are taken", len(elements), MaxTVSBody)
	}
	b := binary.BigEndian.AppendUint16(nil, tvsMagic)
	b = append(b, command, 0)
	b = binary.BigEndian.AppendUint32(b, session)
	b = binary.BigEndian.AppendUint16(b, uint16(len(elements)))
	return append(b, elements...), nil
}
