package term

import (
	"encoding/csv"
	"io"
	"strconv"
)

// Format is the form of a result.
type Format string

const (
	Table Format = "table"
	JSON  Format = "json"
	CSV   Format = "csv"
)

// RowWriter prints rows as they come.
type RowWriter interface {
	Row(values []any) error
	End() error
}

// Heading names a column of a list.
type Heading struct {
	Title string // in the table; "" leaves the column to JSON and CSV
	Key   string // in JSON and CSV
}

// NewRows returns a writer of rows in a form; header puts a line of headings
// above tables and CSV.
func NewRows(out io.Writer, f Format, columns []Heading, header bool) RowWriter {
	var keys, titles []string
	var shown []int
	for i, c := range columns {
		keys = append(keys, c.Key)
		if c.Title != "" {
			titles, shown = append(titles, c.Title), append(shown, i)
		}
	}
	switch f {
	case JSON:
		return &jsonRows{out: out, keys: keys}
	case CSV:
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

func (w *jsonRows) Row(values []any) error {
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
		if w.line, err = AppendJSON(append(w.line, ':'), values[i]); err != nil {
			return err
		}
		before = ","
	}
	_, err = w.out.Write(append(w.line, '}'))
	return err
}

func (w *jsonRows) End() error {
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

func (w *csvRows) Row(values []any) error {
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

func (w *csvRows) End() error {
	w.out.Flush()
	return w.out.Error()
}
