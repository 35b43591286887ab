package term

import (
	"bytes"
	"fmt"
	"io"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
)

// LaidOut is the number of rows from which a table takes its widths, which it
// needs before its first line. Those of a longer list follow as they come.
const LaidOut = 50

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

func (w *tableRows) Row(values []any) error {
	cells := make([]string, len(w.shown))
	for i, column := range w.shown {
		cells[i] = Cell(values[column])
	}
	if w.widths != nil {
		return w.follow(cells)
	}
	w.first = append(w.first, cells)
	if len(w.first) < LaidOut {
		return nil
	}
	return w.layOut()
}

func (w *tableRows) End() error {
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
		w.widths[i] = max(w.widths[i], Width(cell))
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
		for range max(0, w.widths[i]-Width(cell)) {
			w.line = append(w.line, ' ')
		}
		w.line = append(w.line, gap...)
	}
	_, err := w.out.Write(append(bytes.TrimRight(w.line, " "), '\n'))
	return err
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
