package commands

import (
	"encoding/json"
	"fmt"
	"iter"
	"strconv"
	"strings"

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

// field is one property of a thing that is shown by itself.
type field struct {
	label string // "" leaves it to JSON
	key   string // "" leaves it to people
	value any
}

// showObject prints one thing: a line a field, or one JSON object.
func showObject(env *Env, fields []field) error {
	if env.Format != term.JSON {
		width := 0
		for _, f := range fields {
			width = max(width, len(f.label))
		}
		for _, f := range fields {
			if f.label == "" {
				continue
			}
			line := fmt.Sprintf("%-*s  %s", width+1, f.label+":", term.Cell(f.value))
			fmt.Fprintln(env.out, strings.TrimRight(line, " "))
		}
		return nil
	}
	doc := []byte{'{'}
	var err error
	for _, f := range fields {
		if f.key == "" {
			continue
		}
		if len(doc) > 1 {
			doc = append(doc, ',')
		}
		doc = append(strconv.AppendQuote(doc, f.key), ':')
		if doc, err = term.AppendJSON(doc, f.value); err != nil {
			return fmt.Errorf("encoding %s: %w", f.key, err)
		}
	}
	return printJSON(env, json.RawMessage(append(doc, '}')))
}

// printJSON prints one indented document.
func printJSON(env *Env, v any) error {
	e := json.NewEncoder(env.out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("printing the result: %w", err)
	}
	return nil
}
