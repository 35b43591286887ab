package commands

import (
	"bytes"
	"fmt"
	"iter"
	"time"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/report"
	"capf/internal/apperr"
)

// reportFlags are those of all reports.
func reportFlags() []cli.Flag {
	return []cli.Flag{&cli.StringFlag{Name: "html", Usage: "write one HTML page to `FILE` (- is stdout)"}, forceFlag()}
}

// pageFile is the file for the page; its name is empty for the terminal.
type pageFile struct {
	name  string
	force bool // replace an existing one
}

func reportFile(env *Env, c *cli.Context) (pageFile, error) {
	file := pageFile{c.String("html"), c.Bool("force")}
	if file.name != "" && (c.Bool("json") || c.Bool("csv")) {
		return file, apperr.Usage("--html excludes --json and --csv")
	}
	return file, nil
}

// writePage writes the page with its rows.
func writePage[T any](env *Env, file pageFile, p report.Page, rows []T, columns []column[T]) error {
	columns = chosen(env, columns)
	p.Made, p.Zone, p.Count = env.Now(), time.Local, len(rows)
	for _, c := range columns {
		p.Titles = append(p.Titles, c.title)
	}
	var b bytes.Buffer
	if err := p.Write(&b, cells(rows, columns)); err != nil {
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

// cells are the values of each row. The slice that it yields is used again.
func cells[T any](rows []T, columns []column[T]) iter.Seq[[]any] {
	return func(yield func([]any) bool) {
		row := make([]any, len(columns))
		for _, r := range rows {
			for i, c := range columns {
				row[i] = c.value(r)
			}
			if !yield(row) {
				return
			}
		}
	}
}
