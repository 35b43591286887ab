package commands

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/pkg/twwidth"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
)

// format is the form of a result.
type format string

const (
	asTable format = "table"
	asJSON  format = "json"
	asCSV   format = "csv"
)

// column is one property of the rows of a list.
type column[T any] struct {
	title string // heading in the table; "" leaves the column to JSON and CSV
	key   string // name in JSON and CSV
	value func(T) any
}

// rowWriter prints rows as they come.
type rowWriter interface {
	row(values []any) error
	end() error
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
		if err := w.row(values); err != nil {
			return fmt.Errorf("printing the list: %w", err)
		}
	}
	if count == 0 && none != "" {
		env.say("%s", none)
	}
	if err := w.end(); err != nil {
		return fmt.Errorf("printing the list: %w", err)
	}
	return nil
}

func newRowWriter[T any](env *Env, columns []column[T]) rowWriter {
	var keys, titles []string
	var shown []int
	for i, c := range columns {
		keys = append(keys, c.key)
		if c.title != "" {
			titles, shown = append(titles, c.title), append(shown, i)
		}
	}
	switch env.Format {
	case asJSON:
		return &jsonRows{out: env.out, keys: keys}
	case asCSV:
		return &csvRows{out: csv.NewWriter(env.out), keys: keys, header: !env.NoHeader}
	}
	return &tableRows{out: env.out, titles: titles, shown: shown, header: !env.NoHeader}
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

// laidOut is the number of rows from which a table takes its widths, which it
// needs before its first line. Those of a longer list follow as they come.
const laidOut = 50

// gap stands between two columns.
const gap = "  "

// tableRows writes an aligned table without lines or boxes.
type tableRows struct {
	out    io.Writer
	titles []string
	shown  []int
	header bool
	first  [][]string
	widths []int // known when the first rows have been printed
	line   []byte
}

func (w *tableRows) row(values []any) error {
	cells := make([]string, len(w.shown))
	for i, column := range w.shown {
		cells[i] = tableCell(values[column])
	}
	if w.widths != nil {
		return w.follow(cells)
	}
	w.first = append(w.first, cells)
	if len(w.first) < laidOut {
		return nil
	}
	return w.layOut()
}

func (w *tableRows) end() error {
	if w.widths != nil || len(w.first) == 0 {
		return nil
	}
	return w.layOut()
}

// layOut prints the headings and the first rows.
func (w *tableRows) layOut() error {
	w.widths = make([]int, len(w.titles))
	if w.header {
		w.widen(w.titles)
	}
	for _, cells := range w.first {
		w.widen(cells)
	}
	if err := w.begin(w.first[0]); err != nil {
		return err
	}
	for _, cells := range w.first[1:] {
		if err := w.follow(cells); err != nil {
			return err
		}
	}
	w.first = nil
	return nil
}

func (w *tableRows) widen(cells []string) {
	for i, cell := range cells {
		w.widths[i] = max(w.widths[i], cellWidth(cell))
	}
}

// begin has tablewriter print the headings and the first row. It takes longer
// over a row than SQLite to find it, so the others follow without it.
func (w *tableRows) begin(cells []string) error {
	var page bytes.Buffer
	table := plainTable(&page, w.widths)
	if w.header {
		table.Header(w.titles)
	}
	if err := table.Append(cells); err != nil {
		return err
	}
	if err := table.Render(); err != nil {
		return err
	}
	for line := range bytes.Lines(page.Bytes()) {
		if _, err := fmt.Fprintf(w.out, "%s\n", bytes.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}

// follow prints one row below the first.
func (w *tableRows) follow(cells []string) error {
	w.line = w.line[:0]
	for i, cell := range cells {
		w.line = append(w.line, cell...)
		for range max(0, w.widths[i]-cellWidth(cell)) {
			w.line = append(w.line, ' ')
		}
		w.line = append(w.line, gap...)
	}
	_, err := w.out.Write(append(bytes.TrimRight(w.line, " "), '\n'))
	return err
}

// cellWidth is the number of places that a text takes on a terminal. Most
// texts are ASCII, and tablewriter's own answer is slow for them too.
func cellWidth(s string) int {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return twwidth.Width(s)
		}
	}
	return len(s)
}

// plainTable pins the style: tablewriter's own default draws boxes and writes
// headings in upper case.
func plainTable(out io.Writer, widths []int) *tablewriter.Table {
	columns := tw.NewMapper[int, int]()
	for i, width := range widths {
		columns.Set(i, width+len(gap))
	}
	cells := tw.CellConfig{
		Formatting: tw.CellFormatting{AutoFormat: tw.Off, AutoWrap: tw.WrapNone},
		Alignment:  tw.CellAlignment{Global: tw.AlignLeft},
		Padding:    tw.CellPadding{Global: tw.Padding{Right: gap, Overwrite: true}},
	}
	return tablewriter.NewTable(out,
		tablewriter.WithRenderer(renderer.NewBlueprint(tw.Rendition{
			Borders:  tw.BorderNone,
			Symbols:  tw.NewSymbols(tw.StyleNone),
			Settings: tw.Settings{Lines: tw.LinesNone, Separators: tw.SeparatorsNone},
		})),
		tablewriter.WithConfig(tablewriter.Config{
			Widths: tw.CellWidth{PerColumn: columns},
			Header: cells, Row: cells,
			Behavior: tw.Behavior{TrimSpace: tw.Off, AutoHide: tw.Off},
		}))
}

// field is one property of a thing that is shown by itself.
type field struct {
	label string // "" leaves it to JSON
	key   string // "" leaves it to people
	value any
}

// showObject prints one thing: a line a field, or one JSON object.
func showObject(env *Env, fields []field) error {
	if env.Format != asJSON {
		width := 0
		for _, f := range fields {
			width = max(width, len(f.label))
		}
		for _, f := range fields {
			if f.label == "" {
				continue
			}
			line := fmt.Sprintf("%-*s  %s", width+1, f.label+":", tableCell(f.value))
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
		if doc, err = appendJSON(doc, f.value); err != nil {
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
