package commands

import (
	"fmt"
	"iter"

	"capf/commands/internal/term"
)

// column is one property of the rows of a list.
type column[T any] struct {
	title string // heading in the table; "" leaves the column to JSON and CSV
	key   string // name in JSON and CSV
	value func(T) any
}

// showList prints rows in the form that was asked for. For JSON and CSV, and
// for tables but for their first rows, it keeps no row in memory. Of a list
// without rows it prints nothing ([] in JSON) and says none on stderr, unless
// that has been said otherwise.
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
		headings = append(headings, term.Heading{Title: c.title, Key: c.key})
	}
	return term.NewRows(env.out, env.Format, headings, !env.NoHeader)
}
