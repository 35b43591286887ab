package certfile

import (
	"errors"
	"fmt"
)

// maxDepth bounds the nesting. A PKCS#7 message with certificates needs
// about fifteen levels; without a bound, a megabyte of nested headers costs
// time quadratic in its length.
const maxDepth = 40

var errBER = errors.New("not BER")

// definite rewrites BER with indefinite lengths, as some CAs send it, with the
// shortest definite ones. It takes one element of up to 8 MiB and returns what
// follows it. The error does not quote the bytes.
func definite(ber []byte) (der, rest []byte, err error) {
	if len(ber) > 1<<23 { // wrap writes lengths of three bytes
		return nil, nil, fmt.Errorf("%w: %d bytes", errBER, len(ber))
	}
	der, size, err := element(ber, 0)
	if err != nil {
		return nil, nil, err
	}
	return der, ber[size:], nil
}

// element returns the first element of ber, rewritten, and the size that it
// had.
func element(ber []byte, depth int) (out []byte, size int, err error) {
	if depth > maxDepth {
		return nil, 0, fmt.Errorf("%w: nested deeper than %d", errBER, maxDepth)
	}
	tag, err := tagSize(ber)
	if err != nil {
		return nil, 0, err
	}
	header, length, err := lengthOf(ber, tag)
	if err != nil {
		return nil, 0, err
	}
	constructed := ber[0]&0x20 != 0
	if length < 0 {
		if !constructed {
			return nil, 0, fmt.Errorf("%w: a value without a length", errBER)
		}
		content, size, err := children(ber[header:], true, depth)
		return wrap(ber[:tag], content), header + size, err
	}
	if length > len(ber)-header {
		return nil, 0, fmt.Errorf("%w: longer than its bytes", errBER)
	}
	content := ber[header : header+length]
	if constructed {
		if content, _, err = children(content, false, depth); err != nil {
			return nil, 0, err
		}
	}
	return wrap(ber[:tag], content), header + length, nil
}

// children rewrites elements up to the end of ber or, when open, up to the
// end-of-contents octets.
func children(ber []byte, open bool, depth int) (out []byte, size int, err error) {
	for {
		rest := ber[size:]
		if open && len(rest) >= 2 && rest[0] == 0 && rest[1] == 0 {
			return out, size + 2, nil
		}
		if len(rest) == 0 {
			if open {
				return nil, 0, fmt.Errorf("%w: the end is missing", errBER)
			}
			return out, size, nil
		}
		child, n, err := element(rest, depth+1)
		if err != nil {
			return nil, 0, err
		}
		out = append(out, child...)
		size += n
	}
}

// tagSize returns the number of bytes of a tag; numbers above 30 take more than
// one.
func tagSize(ber []byte) (int, error) {
	if len(ber) < 2 {
		return 0, fmt.Errorf("%w: cut off", errBER)
	}
	if ber[0]&0x1f != 0x1f {
		return 1, nil
	}
	for i := 1; i < len(ber)-1 && i < 5; i++ {
		if ber[i] < 0x80 {
			return i + 1, nil
		}
	}
	return 0, fmt.Errorf("%w: a tag without end", errBER)
}

// lengthOf returns where the content begins and its length, -1 when the
// length is indefinite.
func lengthOf(ber []byte, at int) (header, length int, err error) {
	first := ber[at]
	switch {
	case first < 0x80:
		return at + 1, int(first), nil
	case first == 0x80:
		return at + 1, -1, nil
	}
	n := int(first & 0x7f)
	if n > 4 || at+1+n > len(ber) {
		return 0, 0, fmt.Errorf("%w: a length of %d bytes", errBER, n)
	}
	var long int64
	for _, b := range ber[at+1 : at+1+n] {
		long = long<<8 | int64(b)
	}
	if long > int64(len(ber)) {
		return 0, 0, fmt.Errorf("%w: longer than its bytes", errBER)
	}
	return at + 1 + n, int(long), nil
}

func wrap(tag, content []byte) []byte {
	out := make([]byte, 0, len(tag)+5+len(content))
	out = append(out, tag...)
	switch n := len(content); {
	case n < 0x80:
		out = append(out, byte(n))
	case n < 0x100:
		out = append(out, 0x81, byte(n))
	case n < 0x10000:
		out = append(out, 0x82, byte(n>>8), byte(n))
	default:
		out = append(out, 0x83, byte(n>>16), byte(n>>8), byte(n))
	}
	return append(out, content...)
}
