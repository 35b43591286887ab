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
	out     io.Writer
	layout  Layout
	titles  []string
	shown   []int    // which of the values
	extents []extent // of those, as far as the rows have come
	cut     []int    // the width of each column on the terminal; nil if nothing is cut
	gone    int      // how many columns the terminal has no room for
	first   [][]string
	widths  []int // known when the list is too long to be laid out as a whole
	line    []byte
}

func newTable(out io.Writer, l Layout, columns []Heading) *tableRows {
	w := &tableRows{out: out, layout: l}
	for i, c := range columns {
		if c.Title != "" {
			w.titles, w.shown = append(w.titles, c.Title), append(w.shown, i)
			w.extents = append(w.extents, extent{rank: c.Rank, heading: Width(c.Title), empty: true})
		}
	}
	return w
}

func (w *tableRows) Row(values []any) error {
	cells := make([]string, len(w.shown))
	for i, column := range w.shown {
		cells[i] = Cell(values[column])
	}
	if w.widths != nil {
		return w.follow(w.fitting(cells))
	}
	if w.layout.Room > 0 {
		for i, column := range w.shown {
			w.extents[i].add(cells[i], values[column])
		}
	}
	w.first = append(w.first, cells)
	if len(w.first) <= Whole {
		return nil
	}
	w.fit()
	return w.lineUp()
}

// fit finds out, from the first rows, what the terminal has room for.
func (w *tableRows) fit() {
	if w.layout.Room == 0 {
		return
	}
	for i := range w.extents {
		if e := &w.extents[i]; w.layout.Header {
			e.width = max(e.width, e.heading)
		} else {
			e.heading = 0
		}
	}
	w.cut = fit(w.extents, w.layout.Room)
	for i, cells := range w.first {
		w.first[i] = w.fitting(cells)
	}
	w.titles = w.fitting(w.titles)
	w.gone = len(w.extents) - len(w.titles)
}

// fitting are the cells of a row for which the terminal has room.
func (w *tableRows) fitting(cells []string) []string {
	if w.cut == nil {
		return cells
	}
	kept := cells[:0]
	for i, cell := range cells {
		if w.cut[i] > 0 {
			kept = append(kept, Cut(cell, w.cut[i], w.layout.Ellipsis))
		}
	}
	return kept
}

// End prints a list that was not too long.
func (w *tableRows) End() error {
	if len(w.first) > 0 {
		w.fit()
		if err := w.layOut(); err != nil {
			return err
		}
	}
	if w.gone > 0 {
		w.layout.LeftOut(w.gone)
	}
	return nil
}

// layOut prints a whole table.
func (w *tableRows) layOut() error {
	var page bytes.Buffer
	table := plainTable(&page)
	if w.layout.Header {
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
	if w.layout.Header {
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
