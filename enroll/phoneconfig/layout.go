package phoneconfig

import (
	"bytes"
	"encoding/xml"
	"strings"
)

// layout is how a file is laid out: what is inserted looks like the rest.
type layout struct {
	newline string // "" when the whole file is one line
	unit    string // by which an element is indented below another
}

func layoutOf(d *document) layout {
	l := layout{unit: "  "}
	if i := bytes.IndexByte(d.data, '\n'); i >= 0 {
		l.newline = "\n"
		if i > 0 && d.data[i-1] == '\r' {
			l.newline = "\r\n"
		}
	}
	_, outer := d.lineOf(d.root.start)
	for _, e := range d.root.inside {
		if first, indent := d.lineOf(e.start); first {
			if unit, deeper := strings.CutPrefix(indent, outer); deeper {
				l.unit = unit
			}
			break
		}
	}
	return l
}

// line begins a line with the indentation.
func (l layout) line(indent string) string {
	if l.newline == "" {
		return ""
	}
	return l.newline + indent
}

// render returns an element that begins at the indentation.
func (l layout) render(w wanted, indent string) string {
	if w.parts == nil {
		return "<" + w.name + w.attr + ">" + escaped(w.text) + "</" + w.name + ">"
	}
	var text strings.Builder
	text.WriteString("<" + w.name + w.attr + ">")
	for _, part := range w.parts {
		text.WriteString(l.line(indent+l.unit) + l.render(part, indent+l.unit))
	}
	text.WriteString(l.line(indent) + "</" + w.name + ">")
	return text.String()
}

// escaped writes text so that it is read as such.
func escaped(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a Builder takes all
	return b.String()
}

// lineOf says whether what begins at a place is the first on its line, and what blanks
// precede it there.
func (d *document) lineOf(at int) (first bool, indent string) {
	from := at
	for from > 0 && (d.data[from-1] == ' ' || d.data[from-1] == '\t') {
		from--
	}
	first = from == 0 || d.data[from-1] == '\n' || from == len(byteOrderMark) && bytes.HasPrefix(d.data, byteOrderMark)
	return first, string(d.data[from:at])
}

// indentOf returns the indentation of the line on which an element begins, if it is the
// first there.
func (d *document) indentOf(e *element) string {
	if first, indent := d.lineOf(e.start); first {
		return indent
	}
	return ""
}

// newlineBefore is how many bytes the newline before a place has.
func newlineBefore(data []byte, at int) int {
	switch {
	case bytes.HasSuffix(data[:at], []byte("\r\n")):
		return 2
	case bytes.HasSuffix(data[:at], []byte("\n")):
		return 1
	}
	return 0
}
