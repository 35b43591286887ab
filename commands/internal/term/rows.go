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
	Rank  Rank   // when a table has it
}

// Layout says how rows are written.
type Layout struct {
	Format Format
	Header bool // a line of headings above tables and CSV
	// Room is the width to which a table is cut, 0 for a table that is not; Ellipsis
	// stands where a cell was.
	Room     int
	Ellipsis string
	// LeftOut is told, at the end, how many columns there was no room for, if any.
	LeftOut func(columns int)
}

// NewRows returns a writer of rows. What it has given to out ends with a whole line
// whenever it waits for a row.
func NewRows(out io.Writer, l Layout, columns []Heading) RowWriter {
	switch l.Format {
	case JSON:
		return &jsonRows{out: out, keys: keysOf(columns)}
	case CSV:
		rows := &csvRows{out: csv.NewWriter(out)}
		if l.Header {
			rows.keys = keysOf(columns)
		}
		return rows
	}
	return newTable(out, l, columns)
}

func keysOf(columns []Heading) (keys []string) {
	for _, c := range columns {
		keys = append(keys, c.Key)
	}
	return keys
}

// jsonRows writes one array, an element a line. A row waits for the next one, which
// says whether a comma follows: so only whole lines are written.
type jsonRows struct {
	out  io.Writer
	keys []string
	line []byte // the row that waits, with what stands before it
}

func (w *jsonRows) Row(values []any) error {
	if err := w.put(",\n", "[\n"); err != nil {
		return err
	}
	before := byte('{')
	var err error
	for i, key := range w.keys {
		w.line = strconv.AppendQuote(append(w.line, before), key)
		if w.line, err = AppendJSON(append(w.line, ':'), values[i]); err != nil {
			return err
		}
		before = ','
	}
	w.line = append(w.line, '}')
	return nil
}

func (w *jsonRows) End() error { return w.put("\n]\n", "[]\n") }

// put writes the row that waits with what follows it, or what stands for none.
func (w *jsonRows) put(after, none string) error {
	if w.line == nil {
		w.line = append(w.line, none...)
	} else {
		w.line = append(w.line, after...)
	}
	_, err := w.out.Write(w.line)
	w.line = w.line[:0]
	return err
}

// csvRows writes RFC 4180, with a line of keys above the rows, also where there are none:
// programs read from it which columns there are.
type csvRows struct {
	out  *csv.Writer
	keys []string // until they have been written
}

func (w *csvRows) Row(values []any) error {
	cells := make([]string, len(values))
	for i, v := range values {
		cells[i] = csvCell(v)
	}
	return w.line(cells)
}

func (w *csvRows) End() error { return w.line(nil) }

// line writes a line, below the header. The csv.Writer's own buffer would cut lines
// anywhere.
func (w *csvRows) line(cells []string) error {
	for _, line := range [][]string{w.keys, cells} {
		if line == nil {
			continue
		}
		if err := w.out.Write(line); err != nil {
			return err
		}
	}
	w.keys = nil
	w.out.Flush()
	return w.out.Error()
}
