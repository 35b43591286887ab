package certfile

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"

	"capf/internal/charset"
)

// Piece is one part of a file that may hold certificates.
type Piece struct {
	Block int    // which PEM block of the file, from 1; 0 when it has none
	Data  []byte // for Certificates; valid until the next piece
	Err   error  // why it holds no certificate; Data is empty then
}

const (
	begin = "-----BEGIN "
	end   = "-----END "
)

const (
	// bufferSize is how much of a file Split holds in memory besides one piece.
	bufferSize = 4 << 10
	// headSize is how many bytes identify a file: the signature of a tar stands
	// at offset 257.
	headSize = 512
)

// Split yields the pieces of a file. A binary file is one piece; a text yields
// each of its PEM blocks or, when it has none, is decoded as base64. No piece
// is longer than limit bytes, so that a file of any length takes little memory;
// a longer one has an error instead. Split returns the error of reading or of
// yield.
func Split(r io.Reader, limit int64, yield func(Piece) error) error {
	b := bufio.NewReaderSize(r, bufferSize)
	head, err := b.Peek(headSize)
	switch {
	case len(head) == 0 && err != nil && !errors.Is(err, io.EOF):
		return err
	case len(head) == 0:
		return yield(Piece{Err: errEmpty})
	case otherFormat(head) != nil:
		return yield(Piece{Err: otherFormat(head)})
	case isDER(head[:min(len(head), 4)]):
		return binary(b, limit, yield)
	}
	t := &text{r: bufio.NewReaderSize(&lines{charset.Reader(b, head)}, bufferSize), limit: limit, yield: yield}
	return t.split()
}

// isDER tells the header of a SEQUENCE from a text that begins with the digit
// zero: both are the byte 0x30.
func isDER(head []byte) bool {
	return head[0] == 0x30 && slices.ContainsFunc(head[1:], func(c byte) bool { return c < '\t' || c > '\r' && c < ' ' || c >= 0x7f })
}

func binary(r io.Reader, limit int64, yield func(Piece) error) error {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return err
	}
	if int64(len(data)) > limit {
		return yield(Piece{Err: tooLong(limit)})
	}
	return yield(Piece{Data: data})
}

func tooLong(limit int64) error {
	return fmt.Errorf("it is longer than %d KiB, so it is no certificate", limit>>10)
}

// lines turns all line ends into those of Unix. Files that went through
// several systems have "\r\r\n", old ones a bare "\r".
type lines struct{ io.Reader }

func (l *lines) Read(p []byte) (int, error) {
	n, err := l.Reader.Read(p)
	for i, c := range p[:n] {
		if c == '\r' {
			p[i] = '\n'
		}
	}
	return n, err
}

// text is the state of splitting a text.
type text struct {
	r      *bufio.Reader
	limit  int64
	yield  func(Piece) error
	blocks int
	inside bool
	block  []byte // the PEM block so far
	bare   []byte // what may be base64 without header lines; nil once it cannot be
	prose  bool   // it cannot be
	first  []byte // the beginning of the text, which shows whether it is an HTML page
}

func (t *text) split() error {
	whole := true // the next bytes begin a line
	for {
		line, err := t.r.ReadSlice('\n')
		if e := t.line(bytes.TrimSpace(line), whole); e != nil {
			return e
		}
		whole = !errors.Is(err, bufio.ErrBufferFull)
		switch {
		case err == nil || !whole:
		case !errors.Is(err, io.EOF):
			return err
		case t.inside:
			return t.give(Piece{Err: errDamaged})
		case t.blocks == 0:
			return t.bareBase64()
		default:
			return nil
		}
	}
}

// line takes a line, or the next part of a long one, without the blanks around
// it. When files were concatenated and the first had no final line end, a block
// begins on the line on which another ends.
func (t *text) line(line []byte, whole bool) error {
	if joined := bytes.Index(line, []byte("-----"+begin)); whole && joined > 0 && bytes.HasPrefix(line, []byte(end)) {
		if err := t.line(line[:joined+5], true); err != nil {
			return err
		}
		line = line[joined+5:]
	}
	begins := whole && bytes.HasPrefix(line, []byte(begin))
	if t.inside && (begins || int64(len(t.block)+len(line)) >= t.limit) {
		if err := t.give(Piece{Err: errDamaged}); err != nil {
			return err
		}
	}
	if begins {
		t.blocks, t.inside, t.block, t.bare, t.prose = t.blocks+1, true, t.block[:0], nil, true
	}
	switch {
	case !t.inside:
		t.outside(line)
	case len(line) > 0:
		t.block = append(append(t.block, line...), '\n')
		if whole && bytes.HasPrefix(line, []byte(end)) {
			return t.give(Piece{Data: t.block})
		}
	}
	return nil
}

func (t *text) give(p Piece) error {
	t.inside = false
	p.Block = t.blocks
	return t.yield(p)
}

// outside collects what may be bare base64, until a line shows that the
// text is prose.
func (t *text) outside(line []byte) {
	if len(t.first) == 0 {
		t.first = bytes.Clone(line[:min(len(line), 64)])
	}
	if t.prose {
		return
	}
	t.bare = append(t.bare, line...)
	if t.prose = int64(len(t.bare)) > t.limit || bytes.IndexFunc(line, notBase64) >= 0; t.prose {
		t.bare = nil
	}
}

func notBase64(r rune) bool {
	return !('A' <= r && r <= 'Z' || 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '+' || r == '/' || r == '=' || r == ' ')
}

// bareBase64 ends a text without any PEM block.
func (t *text) bareBase64() error {
	der, err := Base64(t.bare)
	switch {
	case len(t.first) == 0:
		return t.yield(Piece{Err: errEmpty})
	case t.first[0] == '<':
		return t.yield(Piece{Err: errHTML})
	case !t.prose && err == nil && bytes.HasPrefix(der, []byte(begin)): // Kubernetes manifests hold PEM encoded once more
		return Split(bytes.NewReader(der), t.limit, t.yield)
	case t.prose || err != nil || len(der) == 0 || der[0] != 0x30:
		return t.yield(Piece{Err: errNothing})
	}
	return t.yield(Piece{Data: der})
}

// Base64 decodes what RFC 8951 allows and what servers send: with line
// breaks anywhere or none, blanks, or missing padding.
func Base64(text []byte) ([]byte, error) {
	packed := bytes.TrimRight(bytes.Join(bytes.Fields(text), nil), "=")
	return base64.RawStdEncoding.AppendDecode(nil, packed)
}
