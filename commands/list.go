package commands

import (
	"context"
	"fmt"
	"io"
	"iter"

	"capf/commands/internal/term"
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
type rank int

const (
	always rank = iota // what the row is, or what one looks for in the list
	usual              // if the terminal is wide enough; those on the right go first
	seldom             // goes before the usual ones
	wide               // only with --wide
)

// heading is the title of a column in a table, "" if the table has it only with
// --wide.
func (c column[T]) heading() string {
	if c.rank == wide {
		return ""
	}
	return c.title
}

// showList prints rows in the requested form. It keeps no rows in memory, except
// the first ones of a table. For a list without rows it prints nothing ([] in
// JSON), and none on stderr if it is not empty.
func showList[T any](env *Env, rows iter.Seq2[T, error], columns []column[T], none string) error {
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

func newRowWriter[T any](env *Env, columns []column[T]) term.RowWriter {
	var headings []term.Heading
	for _, c := range columns {
		headings = append(headings, term.Heading{Title: c.heading(), Key: c.key})
	}
	return term.NewRows(env.out, env.Format, headings, !env.NoHeader)
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
