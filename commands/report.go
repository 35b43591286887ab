package commands

import (
	"bufio"
	"bytes"
	"embed"
	"fmt"
	"html"
	"html/template"
	"io"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
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

// chart is bars over words.
type chart struct {
	Title string
	Bars  []bar
	Tall  bool // upright bars along an axis of time, otherwise lying ones
}

// bar is one bar of a chart.
type bar struct {
	Label string
	Count int
	Tone  string // ok, wait, bad or nothing: the colour
}

// Most is the count of the longest bar, at least 1.
func (c *chart) Most() int {
	most := 1
	for _, b := range c.Bars {
		most = max(most, b.Count)
	}
	return most
}

// reportFlags are those of all reports.
func reportFlags() []cli.Flag {
	return []cli.Flag{&cli.StringFlag{Name: "html", Usage: "write one HTML page to `FILE` (- is stdout)"}}
}

// reportFile is the file of the page, "" for the terminal.
func (env *Env) reportFile(c *cli.Context) (string, error) {
	file := c.String("html")
	switch {
	case c.IsSet("html") && file == "":
		return "", usagef("--html: the name of the file is empty")
	case file != "" && (c.Bool("json") || c.Bool("csv")):
		return "", usagef("--html excludes --json and --csv")
	}
	return file, nil
}

// writePage writes the page with its rows.
func writePage[T any](env *Env, file string, p page, rows []T, columns []column[T]) error {
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
	if err := env.writeOutput(file, b.Bytes()); err != nil {
		return err
	}
	if file != "-" {
		env.say("wrote %s to %q", counted(len(rows), "row"), file)
	}
	return nil
}

func (p page) render(out io.Writer, rows func(*bufio.Writer)) error {
	t, err := template.New("report.html").Funcs(template.FuncMap{
		"mul": func(a, b int) int { return a * b },
		"add": func(a, b int) int { return a + b },
		"sub": func(a, b int) int { return a - b },
		"div": func(a, b int) int { return a / b },
		"mod": func(a, b int) int { return a % b },
	}).ParseFS(reportFiles, "report.html")
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

func writeHTMLRows[T any](w *bufio.Writer, rows []T, columns []column[T]) {
	for _, row := range rows {
		w.WriteString("<tr>")
		for _, c := range columns {
			w.WriteString("<td>")
			w.WriteString(html.EscapeString(tableCell(c.value(row))))
		}
		w.WriteString("\n")
	}
}

// textChart prints a chart for a terminal: the bars that are not empty, in
// columns that are no wider than need be.
func (env *Env) textChart(c *chart) {
	const longest = 50
	label, digits := 0, 0
	for _, b := range c.Bars {
		label, digits = max(label, cellWidth(b.Label)), max(digits, len(fmt.Sprint(b.Count)))
	}
	for _, b := range c.Bars {
		if b.Count == 0 {
			continue
		}
		stars := max(1, b.Count*longest/c.Most())
		fmt.Fprintf(env.out, "%s%s  %*d  %s\n", b.Label, strings.Repeat(" ", label-cellWidth(b.Label)), digits, b.Count, strings.Repeat("#", stars))
	}
	fmt.Fprintln(env.out)
}
