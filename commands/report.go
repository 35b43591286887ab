package commands

import (
	"bufio"
	"bytes"
	"embed"
	"fmt"
	"html"
	"html/template"
	"io"
	"time"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/term"
	"capf/internal/apperr"
)

// The page of a report, in two halves: the rows go between them one by one,
// since a template with 100,000 rows takes its time.
//
//go:embed report.html
var reportFiles embed.FS

// page is a report as a browser shows it.
type page struct {
	Title   string
	Made    time.Time
	Zone    *time.Location
	Summary string
	Empty   string // said instead of the table when there are no rows
	Chart   *chart
	Titles  []string
	Count   int
}

// reportFlags are those of all reports.
func reportFlags() []cli.Flag {
	return []cli.Flag{&cli.StringFlag{Name: "html", Usage: "write one HTML page to `FILE` (- is stdout)"}, forceFlag()}
}

// pageFile is the file of the page, without a name for the terminal.
type pageFile struct {
	name  string
	force bool // replace one that is there
}

func reportFile(env *Env, c *cli.Context) (pageFile, error) {
	file := pageFile{c.String("html"), c.Bool("force")}
	if file.name != "" && (c.Bool("json") || c.Bool("csv")) {
		return file, apperr.Usage("--html excludes --json and --csv")
	}
	return file, nil
}

// writePage writes the page with its rows.
func writePage[T any](env *Env, file pageFile, p page, rows []T, columns []column[T]) error {
	p.Made, p.Zone, p.Count = env.Now(), time.Local, len(rows)
	var shown []column[T]
	for _, c := range columns {
		if c.title != "" {
			shown, p.Titles = append(shown, c), append(p.Titles, c.title)
		}
	}
	var b bytes.Buffer
	if err := p.render(&b, func(w *bufio.Writer) { writeHTMLRows(w, rows, shown) }); err != nil {
		return fmt.Errorf("making the page: %w", err)
	}
	if err := env.writeOutput(file.name, file.force, b.Bytes()); err != nil {
		return err
	}
	if file.name != "-" {
		env.say("wrote %s to %q", counted(len(rows), "row"), file.name)
	}
	return nil
}

func (p page) render(out io.Writer, rows func(*bufio.Writer)) error {
	t, err := template.ParseFS(reportFiles, "report.html")
	if err != nil {
		return err
	}
	if err := t.ExecuteTemplate(out, "begin", p); err != nil {
		return err
	}
	w := bufio.NewWriter(out)
	rows(w)
	if err := w.Flush(); err != nil {
		return err
	}
	return t.ExecuteTemplate(out, "end", p)
}

// longCell is the length from which on a cell may have several lines.
const longCell = 26

func writeHTMLRows[T any](w *bufio.Writer, rows []T, columns []column[T]) {
	for _, row := range rows {
		w.WriteString("<tr>")
		for _, c := range columns {
			value := c.value(row)
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
}
