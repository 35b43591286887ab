package certfile

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// Piece is one thing in a file that may be certificates.
type Piece struct {
	Block int    // which PEM block of the file, from 1; 0 when it has none
	Data  []byte // for Certificates; valid until the next piece
	Err   error  // why it is no certificate; there is no data then
}

const (
	begin = "-----BEGIN "
	end   = "-----END "
)

const (
	// bufferSize is what Split keeps of a file besides one piece.
	bufferSize = 4 << 10
	// headSize is by how many bytes a file is known: a tar says so at 257.
	headSize = 512
)

// Split yields what stands in a file: a binary one as it is, of a text each PEM
// block by itself or, when there is none, the base64 that it is. No piece is
// longer than limit bytes, so that a file of any length takes little memory; a
// longer one has an error instead. Split returns what reading or yield returns.
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
	t := &text{r: bufio.NewReaderSize(&lines{decoded(b, head)}, bufferSize), limit: limit, yield: yield}
	return t.split()
}

// isDER tells the header of a SEQUENCE from a text that begins with the digit
// zero, which is the same byte.
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

// decoded turns UTF-16, in which Windows' tools write, into UTF-8 and leaves
// out the mark that editors put first.
func decoded(r io.Reader, head []byte) io.Reader {
	var from transform.Transformer
	switch {
	case bytes.HasPrefix(head, []byte{0xff, 0xfe}), bytes.HasPrefix(head, []byte{0xfe, 0xff}):
		from = unicode.UTF16(unicode.BigEndian, unicode.UseBOM).NewDecoder()
	case everyOther(head, 1):
		from = unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM).NewDecoder()
	case everyOther(head, 0):
		from = unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM).NewDecoder()
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		from = unicode.UTF8BOM.NewDecoder()
	default:
		return r
	}
	return transform.NewReader(r, from)
}

// everyOther says whether a text begins with every other byte zero, the first one
// at zeros: Latin letters in UTF-16 without a mark.
func everyOther(head []byte, zeros int) bool {
	head = head[:min(len(head), 8)]
	for i, c := range head {
		if (c == 0) != (i%2 == zeros) {
			return false
		}
	}
	return len(head) >= 4
}

// lines makes all line ends those of Unix. Files that went through several
// systems have "\r\r\n", old ones a bare "\r".
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

// text is a text that is being split.
type text struct {
	r      *bufio.Reader
	limit  int64
	yield  func(Piece) error
	blocks int
	inside bool
	block  []byte // the PEM block so far
	bare   []byte // what may be base64 without header lines; nil when it is not
	prose  bool   // it is not
	first  []byte // the beginning of the text, by which a page is known
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
// it. Where files were joined of which the first had no line end, a block begins
// behind the end of another.
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

// outside keeps what may be base64, as long as nothing speaks against it.
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
	case !t.prose && err == nil && bytes.HasPrefix(der, []byte(begin)): // as manifests of Kubernetes have it
		return Split(bytes.NewReader(der), t.limit, t.yield)
	case t.prose || err != nil || len(der) == 0 || der[0] != 0x30:
		return t.yield(Piece{Err: errNothing})
	}
	return t.yield(Piece{Data: der})
}

// Base64 decodes what RFC 8951 allows and what servers send: lines broken
// anywhere or not at all, blanks, padding left out.
func Base64(text []byte) ([]byte, error) {
	packed := bytes.TrimRight(bytes.Join(bytes.Fields(text), nil), "=")
	return base64.RawStdEncoding.AppendDecode(nil, packed)
}
