package commands

import (
	"encoding/csv"
	"io"
	"strconv"
)

// format is the form of a result.
type format string

const (
	asTable format = "table"
	asJSON  format = "json"
	asCSV   format = "csv"
)

// rowWriter prints rows as they come.
type rowWriter interface {
	row(values []any) error
	end() error
}

// heading names a column of a list.
type heading struct {
	title string // in the table; "" leaves the column to JSON and CSV
	key   string // in JSON and CSV
}

// newRows returns a writer of rows in a form; header puts a line of headings
// above tables and CSV.
func newRows(out io.Writer, f format, columns []heading, header bool) rowWriter {
	var keys, titles []string
	var shown []int
	for i, c := range columns {
		keys = append(keys, c.key)
		if c.title != "" {
			titles, shown = append(titles, c.title), append(shown, i)
		}
	}
	switch f {
	case asJSON:
		return &jsonRows{out: out, keys: keys}
	case asCSV:
		return &csvRows{out: csv.NewWriter(out), keys: keys, header: header}
	}
	return &tableRows{out: out, titles: titles, shown: shown, header: header}
}

// jsonRows writes one array, an element a line.
type jsonRows struct {
	out   io.Writer
	keys  []string
	begun bool
	line  []byte
}

func (w *jsonRows) row(values []any) error {
	w.line = w.line[:0]
	before := "[\n{"
	if w.begun {
		before = ",\n{"
	}
	w.begun = true
	var err error
	for i, key := range w.keys {
		w.line = append(w.line, before...)
		w.line = strconv.AppendQuote(w.line, key)
		if w.line, err = appendJSON(append(w.line, ':'), values[i]); err != nil {
			return err
		}
		before = ","
	}
	_, err = w.out.Write(append(w.line, '}'))
	return err
}

func (w *jsonRows) end() error {
	end := "\n]\n"
	if !w.begun {
		end = "[]\n"
	}
	_, err := io.WriteString(w.out, end)
	return err
}

// csvRows writes RFC 4180, with a line of keys above the first row.
type csvRows struct {
	out    *csv.Writer
	keys   []string
	header bool
}

func (w *csvRows) row(values []any) error {
	if w.header {
		w.header = false
		if err := w.out.Write(w.keys); err != nil {
			return err
		}
	}
	cells := make([]string, len(values))
	for i, v := range values {
		cells[i] = csvCell(v)
	}
	return w.out.Write(cells)
}

func (w *csvRows) end() error {
	w.out.Flush()
	return w.out.Error()
}
