package phoneconfig

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"capf/enroll/trustlist"
	"capf/internal/apperr"
)

// Change is an element that Merge has changed.
type Change struct {
	Element  string // its name, after those of the elements around it
	Old, New string
	Inserted bool // the file did not have it
}

// Merge puts the elements into a configuration file. What is in the file already, in whatever
// form, stays as it is; of the rest, no byte changes. ErrRefused says why a phone would not
// read the file.
func Merge(file []byte, e Elements) ([]byte, error) {
	merged, _, err := MergeAndTell(file, e)
	return merged, err
}

// MergeAndTell is Merge, and says what it has changed.
func MergeAndTell(file []byte, e Elements) ([]byte, []Change, error) {
	d, err := read(file)
	if err != nil {
		return nil, nil, err
	}
	all := e.wanted(len(d.root.children("eapAuthentication")) > 0)
	if full := d.root.children("fullConfig"); len(full) > 0 && d.value(full[0]) == "false" {
		all = ofCompanion(all)
	}
	return d.merge(all)
}

// File is a configuration file that has the elements and no others.
func File(e Elements) ([]byte, error) {
	d, err := read([]byte("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<device>\n</device>\n"))
	if err != nil {
		return nil, err
	}
	all := e.wanted(false)
	for i := range all {
		all[i].as = nil
	}
	file, _, err := d.merge(all)
	return file, err
}

// merge makes the children of the root what they are to be.
func (d *document) merge(all []wanted) ([]byte, []Change, error) {
	m := merger{document: d, layout: layoutOf(d)}
	if err := m.inside(d.root, wanted{name: "device", parts: all}, ""); err != nil {
		return nil, nil, err
	}
	if merged := m.apply(); len(merged) <= trustlist.MaxFile {
		return merged, m.changes, nil
	}
	return nil, nil, apperr.Refused("with its elements it would have more than %d KB, the most that a phone takes", trustlist.MaxFile>>10)
}

// merger collects what has to be changed in a file.
type merger struct {
	*document
	layout  layout
	edits   []edit
	changes []Change
}

// edit replaces the bytes of a span.
type edit struct {
	span
	text string
}

func (m *merger) apply() []byte {
	// What is inserted before an element comes before what replaces it.
	slices.SortStableFunc(m.edits, func(a, b edit) int { return cmp.Or(a.from-b.from, a.to-b.to) })
	var out bytes.Buffer
	at := 0
	for _, e := range m.edits {
		out.Write(m.data[at:e.from])
		out.WriteString(e.text)
		at = e.to
	}
	out.Write(m.data[at:])
	return out.Bytes()
}

func (m *merger) edit(from, to int, text string) {
	m.edits = append(m.edits, edit{span{from, to}, text})
}

func (m *merger) changed(path, old, now string, inserted bool) {
	m.changes = append(m.changes, Change{path, old, now, inserted})
}

// inside makes the children of an element what they are to be.
func (m *merger) inside(e *element, w wanted, path string) error {
	if e.empty() && len(w.parts) > 0 {
		m.fill(e, w, path)
		return nil
	}
	var missing []int
	for i, part := range w.parts {
		found := e.children(part.name)
		if w.list { // the ith is one of several
			nth := countNamed(w.parts[:i], part.name)
			found = found[min(nth, len(found)):min(nth+1, len(found))]
		}
		if len(found) == 0 {
			missing = append(missing, i)
		}
		// Which of two that have the same name a phone takes is not known.
		for _, is := range found {
			if err := m.same(is, part, path); err != nil {
				return err
			}
		}
	}
	m.insertAll(e, w, missing, path)
	if w.list {
		m.removeSurplus(e, w, path)
	}
	return nil
}

func countNamed(all []wanted, name string) (n int) {
	for _, w := range all {
		if w.name == name {
			n++
		}
	}
	return n
}

// same makes an element what it is to be.
func (m *merger) same(e *element, w wanted, path string) error {
	path += w.name
	if w.parts != nil || w.list {
		return m.inside(e, w, path+"/")
	}
	if len(e.inside) > 0 {
		return apperr.Refused("its element %s has other elements in it, such as %s", path, e.inside[0].name)
	}
	old := m.value(e)
	if old == w.text || w.as != nil && w.as(old) {
		return nil
	}
	m.changed(path, old, w.text, false)
	text := m.textOf(e)
	switch {
	case e.empty():
		m.edit(e.start, e.end, m.startTag(e)+escaped(w.text)+"</"+e.name+">")
	case len(text) == 0:
		m.edit(e.close, e.close, escaped(w.text))
	default:
		m.edit(text[0].from, text[0].to, escaped(w.text))
		for _, rest := range text[1:] {
			m.edit(rest.from, rest.to, "")
		}
	}
	return nil
}

// startTag returns the start tag for an element that is written as one tag.
func (m *merger) startTag(e *element) string {
	tag := strings.TrimSuffix(string(m.data[e.start:e.end]), "/>")
	return strings.TrimRight(tag, " \t\r\n") + ">"
}

// fill gives an element that is written as one tag its first children.
func (m *merger) fill(e *element, w wanted, path string) {
	first, indent := m.lineOf(e.start)
	l := m.layout
	if !first {
		l, indent = layout{}, ""
	}
	text := m.startTag(e)
	for _, part := range w.parts {
		text += l.line(indent+l.unit) + l.render(part, indent+l.unit)
		m.told(part, path)
	}
	m.edit(e.start, e.end, text+l.line(indent)+"</"+e.name+">")
}

// told notes an inserted element, or those in it.
func (m *merger) told(w wanted, path string) {
	if w.text != "" || w.parts == nil && !w.list {
		m.changed(path+w.name, "", w.text, true)
		return
	}
	for _, part := range w.parts {
		m.told(part, path+w.name+"/")
	}
}

// removeSurplus removes the elements of a list beyond those that it is to have.
func (m *merger) removeSurplus(e *element, w wanted, path string) {
	name := memberOf(w)
	found := e.children(name)
	for _, surplus := range found[min(len(w.parts), len(found)):] {
		from := surplus.start
		if first, indent := m.lineOf(surplus.start); first {
			from -= len(indent)
			from -= newlineBefore(m.data, from)
		}
		m.edit(from, surplus.end, "")
		var old []string
		for _, c := range surplus.inside {
			old = append(old, m.value(c))
		}
		m.changed(path+name, strings.Join(old, " "), "", false)
	}
}

// memberOf is the name of the elements of a list.
func memberOf(w wanted) string {
	if w.name == "capfList" {
		return "capf"
	}
	return "member"
}
