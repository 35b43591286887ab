package phoneconfig

import (
	"bytes"
	"encoding/xml"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"capf/enroll/trustlist"
	"capf/internal/apperr"
	"capf/internal/charset"
)

// document is a configuration file, and where everything is in it.
type document struct {
	data     []byte
	encoding string // one of package charset
	root     *element
}

// element is an XML element of a file, by the places of its bytes.
type element struct {
	name        string // as it is written, with its prefix
	start, open int    // its first byte, and the first one after its start tag
	close, end  int    // the first byte of its end tag, and the first one after it
	inside      []*element
}

type span struct{ from, to int }

// empty says that the element is written as one tag.
func (e *element) empty() bool { return e.close == e.start }

// children returns the elements of the name directly below it.
func (e *element) children(name string) []*element {
	var found []*element
	for _, c := range e.inside {
		if c.name == name {
			found = append(found, c)
		}
	}
	return found
}

// read reads a file without changing or copying it. ErrRefused says why a phone would not
// read it, or why a program must not.
func read(data []byte) (*document, error) {
	if len(data) > trustlist.MaxFile {
		return nil, apperr.Refused("it has more than %d KB, the most that a phone takes", trustlist.MaxFile>>10)
	}
	encoding, err := encodingOf(data)
	if err != nil {
		return nil, err
	}
	s := scanner{data: data}
	if err := s.scan(); err != nil {
		return nil, err
	}
	return &document{data, encoding, s.root}, nil
}

// byteOrderMark may begin a file in UTF-8.
var byteOrderMark = []byte("\xef\xbb\xbf")

// declaration is how a file says in which encoding it is.
var declaration = regexp.MustCompile(`^<\?xml\s[^>]*?\bencoding\s*=\s*["']([^"']*)["']`)

// version is which XML a declaration says that the file is.
var version = regexp.MustCompile(`\bversion\s*=\s*["']([^"']*)["']`)

// encodingOf returns the encoding, one in which each byte of an ASCII character stands for
// that: the elements are found without the file being converted, which would change it.
func encodingOf(data []byte) (string, error) {
	inUTF8 := func(reason string, args ...any) error {
		return apperr.WithHint(apperr.Refused(reason, args...), "save it as UTF-8")
	}
	for _, mark := range []string{"\xff\xfe", "\xfe\xff", "\x00<", "<\x00", "\x00\x00\xfe\xff"} {
		if bytes.HasPrefix(data, []byte(mark)) {
			return "", inUTF8("it is in UTF-16 or UTF-32")
		}
	}
	text := bytes.TrimPrefix(data, byteOrderMark)
	said := declaration.FindSubmatch(text[:min(len(text), 256)])
	name := charset.UTF8
	if said != nil && !strings.EqualFold(string(said[1]), "us-ascii") {
		var err error
		if name, err = charset.Parse(string(said[1])); err != nil || strings.HasPrefix(name, "utf-16") {
			return "", inUTF8("it says that it is in %q", said[1])
		}
	}
	if name == charset.UTF8 && !utf8.Valid(data) {
		_, err := charset.Decode(data, charset.UTF8)
		return "", err
	}
	if name != charset.UTF8 && len(text) < len(data) {
		return "", inUTF8("it begins with the mark of UTF-8 and says that it is in %q", said[1])
	}
	return name, nil
}

// value returns the text of an element as it is meant, without CDATA, entities and the
// blanks around it. What is not text in the encoding that the file declares is shown as
// such: no element of ours has it.
func (d *document) value(e *element) string {
	var all strings.Builder
	for _, at := range d.textOf(e) {
		all.WriteString(d.decode(d.data[at.from:at.to]))
	}
	return strings.TrimSpace(all.String())
}

// inner returns what is between the tags of an element.
func (d *document) inner(e *element) string {
	if e.empty() {
		return ""
	}
	return string(d.data[e.open:e.close])
}

// textOf is where the text of an element is that has no others in it, in pieces between
// comments.
func (d *document) textOf(e *element) (pieces []span) {
	if e.empty() || len(e.inside) > 0 {
		return nil
	}
	for at := e.open; at < e.close; {
		rest := d.data[at:e.close]
		end, isText := markup(rest)
		if isText {
			pieces = append(pieces, span{at, at + end})
		}
		at += end
	}
	return pieces
}

// markup is how long the comment, instruction, CDATA section or text is with which the inside
// of an element begins.
func markup(rest []byte) (length int, isText bool) {
	for _, m := range []struct {
		begin, end string
		isText     bool
	}{{"<!--", "-->", false}, {"<?", "?>", false}, {"<![CDATA[", "]]>", true}} {
		if bytes.HasPrefix(rest, []byte(m.begin)) {
			return len(m.begin) + bytes.Index(rest[len(m.begin):], []byte(m.end)) + len(m.end), m.isText
		}
	}
	if i := bytes.IndexByte(rest, '<'); i >= 0 {
		return i, true
	}
	return len(rest), true
}

func (d *document) decode(raw []byte) string {
	inner, verbatim := bytes.CutPrefix(raw, []byte("<![CDATA["))
	if verbatim {
		raw = bytes.TrimSuffix(inner, []byte("]]>"))
	}
	text, err := charset.Decode(raw, d.encoding)
	if err != nil {
		text = bytes.ToValidUTF8(raw, []byte("?"))
	}
	var meant string
	if verbatim || bytes.IndexByte(text, '&') < 0 || xml.Unmarshal(slices.Concat([]byte("<a>"), text, []byte("</a>")), &meant) != nil {
		return string(text)
	}
	return meant
}
