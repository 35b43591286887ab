package commands

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"capf/commands/internal/term"
	"capf/internal/apperr"
	"capf/internal/plural"
)

// column is one property of the rows of a list.
type column[T any] struct {
	title string // heading in the table; "" leaves the column to JSON and CSV
	key   string // name in JSON and CSV
	rank  rank
	value func(T) any
}

// rank says when a table has a column. JSON and CSV have them all.
type rank = term.Rank

const (
	always = term.Always // what the row is, or what one looks for in the list
	usual  = term.Usual  // if the terminal is wide enough; those on the right go first
	seldom = term.Seldom // goes before the usual ones
	wide   = term.Wide   // only with --wide
)

// headings are the columns as a command declares them.
func headings[T any](columns []column[T]) (all []term.Heading) {
	for _, c := range columns {
		all = append(all, term.Heading{Title: c.title, Key: c.key, Rank: c.rank})
	}
	return all
}

// showList prints rows in the requested form. It keeps no rows in memory, except
// the first ones of a table. For a list without rows it prints nothing ([] in
// JSON, the header in CSV), and none on stderr if it is not empty.
func showList[T any](env *Env, rows iter.Seq2[T, error], columns []column[T], none string) error {
	columns = chosen(env, columns)
	w := newRowWriter(env, columns)
	values := make([]any, len(columns))
	count := 0
	for row, err := range rows {
		if err != nil {
			return err
		}
		count++
		for i, c := range columns {
			values[i] = c.value(row)
		}
		if err := w.Row(values); err != nil {
			return fmt.Errorf("printing the list: %w", err)
		}
	}
	if count == 0 && none != "" {
		env.say("%s", none)
	}
	if err := w.End(); err != nil {
		return fmt.Errorf("printing the list: %w", err)
	}
	return nil
}

// chosen are the columns that --columns names, in its order. Without it JSON and CSV
// have all of them, and a table those of its width.
func chosen[T any](env *Env, columns []column[T]) []column[T] {
	var these []column[T]
	if env.Columns == nil {
		for _, c := range columns {
			if env.Format != term.Table || c.title != "" && (c.rank != wide || env.Wide) {
				these = append(these, c)
			}
		}
		return these
	}
	for _, key := range env.Columns {
		for _, c := range columns {
			if c.key == key {
				these = append(these, column[T]{cmp.Or(c.title, c.key), c.key, always, c.value})
			}
		}
	}
	return these
}

// ofOneDevice are the columns of a list for a pattern of devices. If that is the name of
// one, a table need not repeat it in each row.
func ofOneDevice[T any](columns []column[T], pattern string) []column[T] {
	if pattern == "" || strings.ContainsAny(pattern, "*?") {
		return columns
	}
	columns = slices.Clone(columns)
	for i := range columns {
		if columns[i].key == "device" {
			columns[i].rank = wide
		}
	}
	return columns
}

// newRowWriter writes rows of the chosen columns. On a terminal a table is cut to its
// width; in a pipe nothing is.
func newRowWriter[T any](env *Env, columns []column[T]) term.RowWriter {
	l := term.Layout{Format: env.Format, Header: !env.NoHeader}
	if env.screen && !env.Wide && env.heard != nil {
		l.Room, _ = term.Screen(env.heard, env.Getenv)
		l.Ellipsis = term.Ellipsis(env.Getenv)
		l.LeftOut = func(n int) { env.say("%s left out; --wide shows all", counted(n, "column")) }
	}
	return term.NewRows(env.out, l, headings(columns))
}

// columnsNamed are the keys of the columns that --columns names, by their keys or
// headings.
func columnsNamed(list string, known []term.Heading) (keys []string, err error) {
	for word := range strings.SplitSeq(list, ",") {
		word = strings.TrimSpace(word)
		at := slices.IndexFunc(known, func(h term.Heading) bool { return strings.EqualFold(h.Key, word) })
		if at < 0 {
			at = slices.IndexFunc(known, func(h term.Heading) bool { return h.Title != "" && strings.EqualFold(h.Title, word) })
		}
		switch {
		case at < 0:
			return nil, apperr.WithHint(apperr.Usage("--columns: there is no column %q", word), "it has %s", strings.Join(keysOf(known), ", "))
		case slices.Contains(keys, known[at].Key):
			return nil, apperr.Usage("--columns: %s is named twice", known[at].Key)
		}
		keys = append(keys, known[at].Key)
	}
	return keys, nil
}

func keysOf(columns []term.Heading) (keys []string) {
	for _, h := range columns {
		keys = append(keys, h.Key)
	}
	return keys
}

// values turns rows that are already in memory into a sequence for a list.
func values[T any](rows []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, row := range rows {
			if !yield(row, nil) {
				return
			}
		}
	}
}

// each looks up everything that is named, in the order of the names.
func each[K, T any](ctx context.Context, names []K, find func(context.Context, K) (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, name := range names {
			row, err := find(ctx, name)
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

// tallied counts the rows that go through it.
func tallied[T any](list iter.Seq2[T, error], n *int) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for row, err := range list {
			if err == nil {
				*n++
			}
			if !yield(row, err) {
				return
			}
		}
	}
}

// countedWhere counts those of the rows that go through it for which is holds.
func countedWhere[T any](list iter.Seq2[T, error], is func(T) bool, n *int) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for row, err := range list {
			if err == nil && is(row) {
				*n++
			}
			if !yield(row, err) {
				return
			}
		}
	}
}

// eachOnce is the values in their order, without repetitions.
func eachOnce[T comparable](values []T) []T {
	var kept []T
	seen := map[T]bool{}
	for _, v := range values {
		if !seen[v] {
			seen[v], kept = true, append(kept, v)
		}
	}
	return kept
}

// counted is a number with its noun, such as "2 devices".
func counted[N int | int64](n N, thing string) string { return plural.Of(n, thing) }

// emptyList is the result of a list command without rows.
func emptyList(env *Env) error {
	if env.Format != term.JSON {
		return nil
	}
	_, err := io.WriteString(env.out, "[]\n")
	return err
}
