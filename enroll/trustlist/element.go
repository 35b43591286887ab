package trustlist

import (
	"encoding/binary"
	"math"
	"strings"
)

// Element is one element that this package gives no meaning to. It is kept, and written
// again.
type Element struct {
	Tag   byte
	Value []byte
}

// reader walks through the elements of b, up to end.
type reader struct {
	b       []byte
	at, end int
	within  string // what ends at end: the file, a record, a container
	named   func(tag byte) string
}

// next reads one element: tag (1 byte), length (2 bytes), value.
func (r *reader) next() (Element, error) {
	start, left := r.at, r.end-r.at
	tag := r.b[start]
	if left < 3 {
		return Element{}, malformed("%s at byte %d is cut: %s ends at byte %d", r.named(tag), start, r.within, r.end)
	}
	length := int(binary.BigEndian.Uint16(r.b[start+1:]))
	if length > left-3 {
		return Element{}, malformed("%s at byte %d has %d bytes, but %s ends after %d of them", r.named(tag), start, length, r.within, left-3)
	}
	r.at = start + 3 + length
	return Element{tag, r.b[start+3 : r.at : r.at]}, nil
}

func appendElement(b []byte, tag byte, value ...byte) []byte {
	b = append(b, tag)
	b = binary.BigEndian.AppendUint16(b, uint16(len(value)))
	return append(b, value...)
}

func appendText(b []byte, tag byte, text string) []byte {
	return appendElement(b, tag, append([]byte(text), 0)...)
}

// checkText refuses a text that no element can carry, or that would end early.
func checkText(what, text string) error {
	if strings.Contains(text, "\x00") || len(text)+1 > math.MaxUint16 {
		return malformed("the %s does not fit: %d bytes, or one of them is NUL", what, len(text))
	}
	return nil
}

// text reads a value that ends in the one NUL that its length counts.
func text(name string, value []byte) (string, error) {
	s, ended := strings.CutSuffix(string(value), "\x00")
	if !ended || strings.Contains(s, "\x00") {
		return "", malformed("%s does not end in one NUL", name)
	}
	return s, nil
}
