// Package report draws reports: as a page for a browser, and their charts for a
// terminal too. It must not know what the rows are about.
package report

import (
	"bufio"
	"embed"
	"html"
	"html/template"
	"io"
	"iter"
	"time"

	"capf/commands/internal/term"
)

// pageFiles has the page in two halves: the rows go between them one by one, since a
// template with 100,000 rows takes its time.
//
//go:embed page.html
var pageFiles embed.FS

// Page is a report as a browser shows it.
type Page struct {
	Title   string
	Made    time.Time
	Zone    *time.Location
	Summary string
	Empty   string // shown instead of the table if there are no rows
	Chart   *Chart // nil for none
	Titles  []string
	Count   int // of rows
}

// Write writes the page with its rows, which have a cell for each title.
func (p Page) Write(out io.Writer, rows iter.Seq[[]any]) error {
	t, err := template.ParseFS(pageFiles, "page.html")
	if err != nil {
		return err
	}
	if err := t.ExecuteTemplate(out, "begin", p); err != nil {
		return err
	}
	w := bufio.NewWriter(out)
	for row := range rows {
		writeRow(w, row)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return t.ExecuteTemplate(out, "end", p)
}

// longCell is the length, in bytes, above which a cell may take several lines.
const longCell = 26

// writeRow writes one row. An error of w comes when it is flushed.
func writeRow(w *bufio.Writer, row []any) {
	w.WriteString("<tr>")
	for _, value := range row {
		text := term.Cell(value)
		class := ""
		switch value.(type) {
		case term.Zoned, time.Time:
			class = ` class="time"`
		default:
			if len(text) > longCell {
				class = ` class="long"`
			}
		}
		w.WriteString("<td" + class + ">")
		w.WriteString(html.EscapeString(text))
	}
	w.WriteString("\n")
}
