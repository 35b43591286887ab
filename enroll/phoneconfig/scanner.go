package phoneconfig

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"capf/internal/apperr"
)

// scanner finds the elements of a file. It reads bytes, not characters, so that it knows the
// place of each in any encoding, and is several times as fast as a decoder that makes values
// of all: a phone that fetches its file waits for it. What it takes is well-formed XML without
// a document type.
type scanner struct {
	data   []byte
	at     int
	begins int // where the text begins, behind a byte order mark
	root   *element
	within []*element        // those that are open
	names  map[string]string // each name once
	spare  []element
}

// scan reads the whole file.
func (s *scanner) scan() error {
	if bytes.HasPrefix(s.data, byteOrderMark) {
		s.begins = len(byteOrderMark)
	}
	s.at = s.begins
	s.names = map[string]string{}
	for i, c := range s.data {
		if c < ' ' && c != '\n' && c != '\t' && c != '\r' {
			return s.broken(i, "illegal character code U+%04X", c)
		}
	}
	for s.at < len(s.data) {
		if err := s.piece(); err != nil {
			return err
		}
	}
	switch {
	case len(s.within) > 0:
		return apperr.Refused("it is cut off: <%s> is not closed at its end, in line %d", s.within[len(s.within)-1].name, s.line(len(s.data)))
	case s.root == nil:
		return apperr.Refused("it has no XML in it")
	case s.root.name != "device":
		return apperr.WithHint(apperr.Refused("its root element is %q, not device", s.root.name), "the file of a phone is SEP<mac>.cnf.xml")
	}
	return nil
}

func (s *scanner) line(at int) int { return bytes.Count(s.data[:at], []byte("\n")) + 1 }

func (s *scanner) broken(at int, format string, args ...any) error {
	return apperr.Refused("it is not well-formed XML: line %d: %s", s.line(at), fmt.Sprintf(format, args...))
}

func (s *scanner) cutOff(what string) error {
	return apperr.Refused("it is cut off: %s in line %d does not end", what, s.line(s.at))
}

// piece reads the text before a tag, and the tag, or whatever else begins like one.
func (s *scanner) piece() error {
	rest := s.data[s.at:]
	text := rest
	if i := bytes.IndexByte(rest, '<'); i >= 0 {
		text = rest[:i]
	}
	if err := s.text(text); err != nil {
		return err
	}
	s.at += len(text)
	rest = rest[len(text):]
	switch {
	case len(rest) == 0:
		return nil
	case bytes.HasPrefix(rest, []byte("</")):
		return s.endTag()
	case bytes.HasPrefix(rest, []byte("<?")):
		return s.instruction()
	case bytes.HasPrefix(rest, []byte("<!--")):
		return s.comment()
	case bytes.HasPrefix(rest, []byte("<![CDATA[")):
		return s.verbatim()
	case bytes.HasPrefix(rest, []byte("<!")):
		said, _, _ := bytes.Cut(rest[2:min(len(rest), 22)], []byte(">"))
		return apperr.WithHint(apperr.Refused("it has a document type or entities of its own (<!%s…), which are not followed", bytes.ToValidUTF8(said, nil)),
			"take them out: phones do not need them")
	}
	return s.startTag()
}

// text checks what stands between tags.
func (s *scanner) text(text []byte) error {
	if len(s.within) == 0 {
		if len(bytes.TrimSpace(text)) > 0 {
			return apperr.Refused("it has text outside of its root element")
		}
		return nil
	}
	if i := bytes.Index(text, []byte("]]>")); i >= 0 {
		return s.broken(s.at+i, "unescaped ]]> not in CDATA section")
	}
	return s.references(text)
}

// references allows those to characters that need no document type.
func (s *scanner) references(text []byte) error {
	for i := bytes.IndexByte(text, '&'); i >= 0; i = bytes.IndexByte(text, '&') {
		text = text[i+1:]
		end := bytes.IndexByte(text[:min(len(text), 12)], ';')
		name := text[:max(end, 0)]
		if !isReference(string(name)) {
			said := "& (no semicolon)"
			if end > 0 {
				said = "&" + string(name) + ";"
			}
			return apperr.WithHint(apperr.Refused("line %d: invalid character entity %s: phones know &amp; &lt; &gt; &quot; &apos; and numbers alone", s.line(s.at), said),
				"a & that stands for itself is written &amp;")
		}
	}
	return nil
}

func isReference(name string) bool {
	switch name {
	case "amp", "lt", "gt", "quot", "apos":
		return true
	}
	digits, isNumber := strings.CutPrefix(name, "#")
	base := 10
	if hex, isHex := strings.CutPrefix(digits, "x"); isHex {
		digits, base = hex, 16
	}
	n, err := strconv.ParseUint(digits, base, 21)
	return isNumber && err == nil && isCharacter(n)
}

// isCharacter says whether XML 1.0 has the character.
func isCharacter(n uint64) bool {
	return n == '\t' || n == '\n' || n == '\r' || ' ' <= n && n <= 0xd7ff || 0xe000 <= n && n <= 0xfffd || 0x10000 <= n && n <= 0x10ffff
}

// comment skips a comment.
func (s *scanner) comment() error {
	inside := s.data[s.at+len("<!--"):]
	end := bytes.Index(inside, []byte("--"))
	switch {
	case end < 0 || end+2 >= len(inside):
		return s.cutOff("the comment")
	case inside[end+2] != '>':
		return s.broken(s.at+end, `invalid sequence "--" not allowed in comments`)
	}
	s.at += len("<!--") + end + len("-->")
	return nil
}

// verbatim skips a section that is text as it stands.
func (s *scanner) verbatim() error {
	end := bytes.Index(s.data[s.at:], []byte("]]>"))
	switch {
	case len(s.within) == 0:
		return apperr.Refused("it has text outside of its root element")
	case end < 0:
		return s.cutOff("the CDATA section")
	}
	s.at += end + len("]]>")
	return nil
}

// instruction skips an instruction to programs, such as the declaration.
func (s *scanner) instruction() error {
	end := bytes.Index(s.data[s.at:], []byte("?>"))
	if end < 0 {
		return s.cutOff("the declaration")
	}
	inside := s.data[s.at+len("<?") : s.at+max(end, len("<?"))]
	name := inside[:nameLength(inside)]
	switch {
	case len(name) == 0:
		return s.broken(s.at, "expected target name after <?")
	case string(name) == "xml" && s.at != s.begins:
		return apperr.Refused("its XML declaration is not at its very beginning")
	}
	if said := version.FindSubmatch(inside); string(name) == "xml" && said != nil && string(said[1]) != "1.0" {
		return apperr.Refused("unsupported version %q; only version 1.0 is supported", said[1])
	}
	s.at += max(end, len("<?")) + len("?>")
	return nil
}

func (s *scanner) startTag() error {
	start := s.at
	s.at++
	name := s.name()
	if name == "" {
		return s.broken(start, "expected element name after <")
	}
	if len(s.within) == 0 && s.root != nil {
		return apperr.Refused("it has a second root element, %s", name)
	}
	for {
		s.blanks()
		switch rest := s.data[s.at:]; {
		case len(rest) == 0:
			s.at = start
			return s.cutOff("the tag <" + name)
		case rest[0] == '>':
			s.at++
			s.open(element{name: name, start: start, open: s.at})
			return nil
		case bytes.HasPrefix(rest, []byte("/>")):
			s.at += 2
			e := s.open(element{name: name, start: start, open: s.at})
			e.close, e.end = start, s.at
			s.within = s.within[:len(s.within)-1]
			return nil
		}
		if err := s.attribute(start, name); err != nil {
			return err
		}
	}
}

// attribute skips an attribute of the element.
func (s *scanner) attribute(start int, of string) error {
	if s.name() == "" {
		return s.broken(s.at, "expected attribute name in element")
	}
	s.blanks()
	if s.at == len(s.data) || s.data[s.at] != '=' {
		return s.broken(min(s.at, len(s.data)), "attribute name without = in element")
	}
	s.at++
	s.blanks()
	if s.at == len(s.data) || s.data[s.at] != '"' && s.data[s.at] != '\'' {
		return s.broken(min(s.at, len(s.data)), "unquoted or missing attribute value in element")
	}
	value := s.data[s.at+1:]
	end := bytes.IndexByte(value, s.data[s.at])
	if end < 0 {
		s.at = start
		return s.cutOff("the tag <" + of)
	}
	if i := bytes.IndexByte(value[:end], '<'); i >= 0 {
		return s.broken(s.at+i, "unescaped < inside quoted string")
	}
	if err := s.references(value[:end]); err != nil {
		return err
	}
	s.at += end + 2
	return nil
}

// open begins an element, inside of the one that is open.
func (s *scanner) open(e element) *element {
	if len(s.spare) == 0 {
		s.spare = make([]element, 128)
	}
	is := &s.spare[0]
	s.spare = s.spare[1:]
	*is = e
	if len(s.within) > 0 {
		parent := s.within[len(s.within)-1]
		parent.inside = append(parent.inside, is)
	} else {
		s.root = is
	}
	s.within = append(s.within, is)
	return is
}

func (s *scanner) endTag() error {
	start := s.at
	s.at += len("</")
	name := s.name()
	s.blanks()
	switch {
	case s.at == len(s.data):
		s.at = start
		return s.cutOff("the tag </" + name)
	case name == "" || s.data[s.at] != '>':
		return s.broken(start, "invalid characters in </%s", name)
	case len(s.within) == 0:
		return s.broken(start, "unexpected end element </%s>", name)
	}
	s.at++
	e := s.within[len(s.within)-1]
	if e.name != name {
		return s.broken(start, "element <%s> closed by </%s>", e.name, name)
	}
	e.close, e.end = start, s.at
	s.within = s.within[:len(s.within)-1]
	return nil
}

// name reads a name.
func (s *scanner) name() string {
	raw := s.data[s.at:]
	raw = raw[:nameLength(raw)]
	if bytes.Count(raw, []byte(":")) > 1 {
		return "" // a name has one prefix
	}
	s.at += len(raw)
	name, known := s.names[string(raw)]
	if !known {
		name = string(raw)
		s.names[name] = name
	}
	return name
}

// nameLength is how many bytes of a text are a name.
func nameLength(text []byte) (n int) {
	for n < len(text) {
		c := text[n]
		starts := 'a' <= c|0x20 && c|0x20 <= 'z' || c == '_' || c == ':' || c >= 0x80
		if !starts && (n == 0 || c != '-' && c != '.' && (c < '0' || c > '9')) {
			break
		}
		n++
	}
	return n
}

func (s *scanner) blanks() {
	for s.at < len(s.data) && (s.data[s.at] == ' ' || s.data[s.at] == '\t' || s.data[s.at] == '\n' || s.data[s.at] == '\r') {
		s.at++
	}
}
