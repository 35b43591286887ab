package phoneconfig

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"capf/internal/apperr"
	"capf/internal/charset"
)

// Limit is the size of the largest file that a phone takes, in bytes.
const Limit = 2048 << 10

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
	text        []span // what is text in it, in pieces between comments and elements
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
	if len(data) > Limit {
		return nil, apperr.Refused("it has more than %d KB, the most that a phone takes", Limit>>10)
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
	for _, at := range e.text {
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

// scanner finds the elements of a file.
type scanner struct {
	data   []byte
	base   int // how many bytes precede what the decoder reads
	root   *element
	within []*element // those that are open
}

// scan reads a shadow of the file in which each byte that is not ASCII is a letter, so that
// the places are the same in every encoding.
func (s *scanner) scan() error {
	shadow := bytes.Clone(s.data)
	for i, c := range shadow {
		if c >= utf8.RuneSelf {
			shadow[i] = 'x'
		}
	}
	if bytes.HasPrefix(s.data, byteOrderMark) {
		s.base = len(byteOrderMark)
	}
	d := xml.NewDecoder(bytes.NewReader(shadow[s.base:]))
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	for {
		from := s.base + int(d.InputOffset())
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			return s.explain(err)
		}
		if err := s.take(token, span{from, s.base + int(d.InputOffset())}); err != nil {
			return err
		}
	}
	switch {
	case s.root == nil:
		return apperr.Refused("it has no XML in it")
	case s.root.name != "device":
		return apperr.WithHint(apperr.Refused("its root element is %q, not device", s.root.name), "the file of a phone is SEP<mac>.cnf.xml")
	}
	return nil
}

// explain turns what the decoder does not read into a line for people.
func (s *scanner) explain(err error) error {
	var syntax *xml.SyntaxError
	if !errors.As(err, &syntax) {
		return apperr.Refused("%s", strings.TrimPrefix(err.Error(), "xml: "))
	}
	switch {
	case strings.HasPrefix(syntax.Msg, "unexpected EOF") && len(s.within) > 0:
		return apperr.Refused("it is cut off: <%s> is not closed at its end, in line %d", s.within[len(s.within)-1].name, syntax.Line)
	case strings.HasPrefix(syntax.Msg, "invalid character entity"):
		return apperr.WithHint(apperr.Refused("line %d: %s: phones know &amp; &lt; &gt; &quot; &apos; and numbers alone", syntax.Line, syntax.Msg),
			"a & that stands for itself is written &amp;")
	}
	return apperr.Refused("it is not well-formed XML: line %d: %s", syntax.Line, syntax.Msg)
}

func (s *scanner) take(token xml.Token, at span) error {
	switch t := token.(type) {
	case xml.Directive:
		return apperr.WithHint(apperr.Refused("it has a document type or entities of its own (<!%.20s…), which are not followed", t),
			"take them out: phones do not need them")
	case xml.ProcInst:
		if t.Target == "xml" && at.from != s.base {
			return apperr.Refused("its XML declaration is not at its very beginning")
		}
	case xml.StartElement:
		return s.begin(at)
	case xml.EndElement:
		s.finish(at)
	case xml.CharData:
		return s.characters(at)
	}
	return nil
}

func (s *scanner) begin(at span) error {
	tag := s.data[at.from+1 : at.to]
	e := &element{name: string(tag[:bytes.IndexAny(tag, " \t\r\n/>")]), start: at.from, open: at.to}
	switch {
	case len(s.within) > 0:
		parent := s.within[len(s.within)-1]
		parent.inside = append(parent.inside, e)
	case s.root != nil:
		return apperr.Refused("it has a second root element, %s", e.name)
	default:
		s.root = e
	}
	s.within = append(s.within, e)
	return nil
}

// finish ends the innermost element. The decoder reports <a/> as two tokens, the second of
// which has no bytes.
func (s *scanner) finish(at span) {
	e := s.within[len(s.within)-1]
	s.within = s.within[:len(s.within)-1]
	e.close, e.end = at.from, at.to
	if at.from == at.to {
		e.close = e.start
	}
}

func (s *scanner) characters(at span) error {
	if len(s.within) > 0 {
		e := s.within[len(s.within)-1]
		e.text = append(e.text, at)
		return nil
	}
	if len(bytes.TrimSpace(s.data[at.from:at.to])) > 0 {
		return apperr.Refused("it has text outside of its root element")
	}
	return nil
}
