package phoneconfig

import (
	"bytes"
	"slices"
	"strings"
)

// insertAll inserts the children that an element lacks, by their indexes.
func (m *merger) insertAll(parent *element, w wanted, missing []int, path string) {
	missing = slices.DeleteFunc(missing, func(i int) bool { return w.parts[i].as != nil && w.parts[i].as("") })
	if len(parent.inside) == 0 {
		m.insertFirst(parent, w, missing)
	}
	for _, i := range missing {
		if len(parent.inside) > 0 {
			m.insert(parent, w, i)
		}
		m.told(w.parts[i], path)
	}
}

// insertFirst inserts the first children of an element.
func (m *merger) insertFirst(parent *element, w wanted, missing []int) {
	outer := m.indentOf(parent)
	var text strings.Builder
	for _, i := range missing {
		text.WriteString(m.layout.line(outer+m.layout.unit) + m.layout.render(w.parts[i], outer+m.layout.unit))
	}
	at := parent.close
	if first, indent := m.lineOf(at); first {
		at -= len(indent)
		at -= newlineBefore(m.data, at)
	} else if len(missing) > 0 {
		text.WriteString(m.layout.line(outer))
	}
	m.edit(at, at, text.String())
}

// insert inserts a child: before all others, behind the one that it is to follow, else before
// one that follows it, else last.
func (m *merger) insert(parent *element, w wanted, i int) {
	part := w.parts[i]
	next := parent.inside[0]
	if !part.first {
		if is := m.neighbour(parent, w, i); is != nil {
			m.insertBehind(parent, is, part)
			return
		}
		if next = follower(parent, w.parts[i+1:]); next == nil {
			m.insertBehind(parent, parent.inside[len(parent.inside)-1], part)
			return
		}
	}
	first, indent := m.lineOf(next.start)
	if !first {
		m.edit(next.start, next.start, layout{}.render(part, ""))
		return
	}
	m.edit(next.start, next.start, m.layout.render(part, indent)+m.layout.line(indent))
}

// neighbour is the element behind which a child is inserted, or nil.
func (m *merger) neighbour(parent *element, w wanted, i int) *element {
	names := w.parts[i].after
	if names == nil {
		for _, earlier := range w.parts[:i] {
			names = append([]string{earlier.name}, names...)
		}
	}
	for _, name := range names {
		if found := parent.children(name); len(found) > 0 {
			return found[len(found)-1]
		}
	}
	return nil
}

// follower is the first of the elements of these names that there is, or nil.
func follower(parent *element, later []wanted) *element {
	for _, w := range later {
		if found := parent.children(w.name); len(found) > 0 && !w.first {
			return found[0]
		}
	}
	return nil
}

// insertBehind inserts a child behind another, on a line of its own if that has one.
func (m *merger) insertBehind(parent, is *element, part wanted) {
	first, indent := m.lineOf(is.start)
	if !first {
		m.edit(is.end, is.end, layout{}.render(part, ""))
		return
	}
	limit := parent.close
	if i := slices.Index(parent.inside, is) + 1; i < len(parent.inside) {
		limit = parent.inside[i].start
	}
	at := m.endOfLine(is.end, limit)
	m.edit(at, at, m.layout.line(indent)+m.layout.render(part, indent))
}

// endOfLine returns where the line ends on which an element ends, behind the comment that may
// be about it, if nothing else follows before the limit.
func (m *merger) endOfLine(from, limit int) int {
	for at := from; at < limit; {
		rest := m.data[at:limit]
		switch {
		case bytes.HasPrefix(rest, []byte("\r\n")), rest[0] == '\n':
			return at
		case rest[0] == ' ' || rest[0] == '\t':
			at++
		case bytes.HasPrefix(rest, []byte("<!--")):
			end := bytes.Index(rest, []byte("-->"))
			if end < 0 {
				return from
			}
			at += end + len("-->")
		default:
			return from
		}
	}
	return from
}
