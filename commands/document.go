package commands

import (
	"fmt"
	"io"
	"iter"
	"strconv"

	"capf/commands/internal/term"
)

// showDocument prints one thing that has a long list of others: the fields and
// then a table; as JSON one object with the list under its key; as CSV only
// the list.
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

// documentJSON prints the fields by hand, since the list does not fit into
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
