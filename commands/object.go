package commands

import (
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"

	"capf/commands/internal/term"
)

// field is one property of an object that is shown by itself.
type field struct {
	label string // "" to show it only in JSON
	key   string // "" to leave it out of JSON
	value any
}

// showObject prints one object: one line for each field, or JSON.
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

// showDocument prints one object that has a long list: the fields and then a
// table; as JSON one object with the list under its key; as CSV only the list.
func showDocument[T any](env *Env, fields []field, key string, rows iter.Seq2[T, error], columns []column[T]) error {
	switch env.Format {
	case term.JSON:
		return documentJSON(env, fields, key, rows, columns)
	case term.Table:
		if err := showObject(env, fields); err != nil {
			return err
		}
		fmt.Fprintln(env.out)
	}
	return showList(env, rows, columns, "")
}

// showOutcome prints what a change has done: to a program one object with counts and
// rows, even if there was nothing to do. To a person the counts are said on stderr.
func showOutcome[T any](env *Env, counts []field, key string, rows []T, columns []column[T]) error {
	if env.Format == term.JSON {
		return documentJSON(env, counts, key, values(rows), columns)
	}
	return showList(env, values(rows), columns, "")
}

// documentJSON prints the object piece by piece, because the list may not fit into
// memory.
func documentJSON[T any](env *Env, fields []field, key string, rows iter.Seq2[T, error], columns []column[T]) error {
	doc := []byte("{\n")
	var err error
	for _, f := range fields {
		if f.key == "" {
			continue
		}
		doc = append(strconv.AppendQuote(append(doc, "  "...), f.key), ": "...)
		if doc, err = term.AppendJSON(doc, f.value); err != nil {
			return fmt.Errorf("encoding %s: %w", f.key, err)
		}
		doc = append(doc, ",\n"...)
	}
	doc = append(strconv.AppendQuote(append(doc, "  "...), key), ": "...)
	if _, err := env.out.Write(doc); err != nil {
		return fmt.Errorf("printing the result: %w", err)
	}
	if err := showList(env, rows, columns, ""); err != nil {
		return err
	}
	_, err = io.WriteString(env.out, "}\n")
	return err
}

// fieldsOf are the fields of one row of a list, to show it by itself.
func fieldsOf[T any](columns []column[T], row T) []field {
	fields := make([]field, len(columns))
	for i, c := range columns {
		label := c.title
		if c.rank == wide {
			label = ""
		}
		fields[i] = field{label, c.key, c.value(row)}
	}
	return fields
}
