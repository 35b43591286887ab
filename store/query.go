package store

import (
	"strings"
	"unicode/utf8"
)

// query is a SELECT that a filter adds terms to.
type query struct {
	selection string
	terms     []string
	args      []any
	order     string
	returning string // of a change: the columns of the rows that it has changed
}

func (q *query) where(term string, args ...any) {
	q.terms = append(q.terms, term)
	q.args = append(q.args, args...)
}

func (q query) String() string {
	text := q.selection
	if len(q.terms) > 0 {
		text += " WHERE " + strings.Join(q.terms, " AND ")
	}
	if q.order != "" {
		text += " ORDER BY " + q.order
	}
	if q.returning != "" {
		text += " RETURNING " + q.returning
	}
	return text
}

// named selects a device name or, with * and ? in it, all that match.
func (q *query) named(column, pattern string) {
	if pattern == "" {
		return
	}
	term, args := matching(column, pattern)
	q.where(term, args...)
}

// ofDevice selects what belongs to the devices of a name or pattern, or did
// before they were deleted. Only what deleted ones left behind is indexed by
// name.
func (q *query) ofDevice(pattern string) {
	if pattern == "" {
		return
	}
	living, args := matching("name", pattern)
	left, more := matching("device", pattern)
	q.where("(device_id IN (SELECT id FROM devices WHERE "+living+") OR device_id IS NULL AND "+left+")", append(args, more...)...)
}

// matching is a condition on a column of names, which compares ignoring
// case. The text before the first wildcard becomes a range, so that the
// index of the column serves. That works for ASCII, which names are.
func matching(column, pattern string) (term string, args []any) {
	i := strings.IndexAny(pattern, "*?")
	if i < 0 {
		return column + " = ?", []any{pattern}
	}
	from := lowerASCII(pattern[:i])
	if i = strings.IndexFunc(from, func(r rune) bool { return r >= utf8.RuneSelf }); i >= 0 {
		from = from[:i]
	}
	if last := len(from) - 1; last >= 0 {
		term = column + " >= ? AND " + column + " < ? AND "
		args = append(args, from, from[:last]+string([]byte{from[last] + 1}))
	}
	return term + "matches(?, " + column + ")", append(args, pattern)
}

// equal asks for a word.
func (q *query) equal(column, word string) {
	if word != "" {
		q.where(column+" = ?", word)
	}
}

// like asks for a text that matches, as package wildcard has it.
func (q *query) like(column, pattern string) {
	if pattern != "" {
		q.where("matches(?, "+column+")", pattern)
	}
}

// likeName is like for the names of certificates, which are long: a part without
// wildcards is enough.
func (q *query) likeName(column, pattern string) {
	if pattern != "" && !strings.ContainsAny(pattern, "*?") {
		pattern = "*" + pattern + "*"
	}
	q.like(column, pattern)
}
