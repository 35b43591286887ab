package term

import (
	"bytes"
	"fmt"
	"io"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
)

// Whole is the number of rows up to which tablewriter lays out a table, which takes
// it 32 µs a row: 30 ms for a thousand, where lining up takes 2. A longer list is
// not kept in memory: it takes its widths from its first rows and lines up the
// others as they come.
const Whole = 1000

// gap stands between two columns.
const gap = "  "

// tableRows writes an aligned table without lines or boxes, so that scripts can
// cut it by columns.
type tableRows struct {
	out    io.Writer
	titles []string
	shown  []int
	header bool
	first  [][]string
	widths []int // known when the list is too long to be laid out as a whole
	line   []byte
}

func (w *tableRows) Row(values []any) error {
	cells := make([]string, len(w.shown))
	for i, column := range w.shown {
		cells[i] = Cell(values[column])
	}
	if w.widths != nil {
		return w.follow(cells)
	}
	w.first = append(w.first, cells)
	if len(w.first) <= Whole {
		return nil
	}
	return w.lineUp()
}

// End prints a list that was not too long.
func (w *tableRows) End() error {
	if len(w.first) == 0 {
		return nil
	}
	var page bytes.Buffer
	table := plainTable(&page)
	if w.header {
		table.Header(w.titles)
	}
	if err := table.Bulk(w.first); err != nil {
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

// lineUp begins a list that is too long, with the widths of its first rows.
func (w *tableRows) lineUp() error {
	rows := w.first
	if w.header {
		rows = append([][]string{w.titles}, rows...)
	}
	w.first, w.widths = nil, make([]int, len(w.titles))
	for _, cells := range rows {
		for i, cell := range cells {
			w.widths[i] = max(w.widths[i], Width(cell))
		}
	}
	for _, cells := range rows {
		if err := w.follow(cells); err != nil {
			return err
		}
	}
	return nil
}

// follow prints one row of a long list.
func (w *tableRows) follow(cells []string) error {
	w.line = w.line[:0]
	for i, cell := range cells {
		w.line = append(w.line, cell...)
		for range max(0, w.widths[i]-Width(cell)) {
			w.line = append(w.line, ' ')
		}
		w.line = append(w.line, gap...)
	}
	_, err := w.out.Write(append(bytes.TrimRight(w.line, " "), '\n'))
	return err
}

// plainTable pins the style: the default of tablewriter draws boxes, writes
// headings in upper case and breaks long cells. A cell is never broken here: a
// serial number on two lines can be neither copied nor cut out by a script.
func plainTable(out io.Writer) *tablewriter.Table {
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
			Header: cells, Row: cells,
			Behavior: tw.Behavior{TrimSpace: tw.Off, AutoHide: tw.Off},
		}))
}
