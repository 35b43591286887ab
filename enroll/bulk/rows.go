package bulk

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"capf/enroll/devices"
	"capf/internal/csvcell"
)

// row is one row of a file.
type row struct {
	line int
	name string
	edit devices.Edit
}

// scanner iterates over the rows of a file.
type scanner struct {
	*table
	file rowReader
	now  time.Time
	rows int            // read so far
	seen map[string]int // name in lower case → line
	// exists reports whether a device has that name, which no new device could
	// get.
	exists func(name string) bool
	// problem is called with what is wrong; the row is then not used.
	problem func(Problem)
}

func (t *table) scan(now time.Time, exists func(string) bool, problem func(Problem)) (*scanner, error) {
	s := &scanner{table: t, file: t.reader(), now: now, seen: map[string]int{}, exists: exists, problem: problem}
	_, err := s.file.Read() // skip the header, which openTable has read
	return s, err
}

// next returns the next row that is valid in itself, and false at the end.
func (s *scanner) next() (row, bool) {
	for {
		cells, err := s.file.Read()
		if errors.Is(err, io.EOF) {
			return row{}, false
		}
		if err != nil {
			s.problem(broken(err))
			return row{}, false
		}
		if strings.TrimSpace(strings.Join(cells, "")) == "" {
			continue // spreadsheets write empty rows below a table
		}
		s.rows++
		if r, ok := s.read(cells); ok {
			return r, true
		}
	}
}

// broken returns the problem of a row that cannot be read.
func broken(err error) Problem {
	p := Problem{Text: plainCSV(err) + "; nothing behind it was looked at"}
	var at *csv.ParseError
	if errors.As(err, &at) {
		p.Line, p.Column = at.Line, at.Column
	}
	return p
}

// plainCSV returns what encoding/csv found, without its own line and
// column.
func plainCSV(err error) string {
	switch {
	case errors.Is(err, csv.ErrBareQuote):
		return `a " stands in a cell that does not begin with one`
	case errors.Is(err, csv.ErrQuote):
		return `a " is missing, or stands within a quoted cell without being doubled`
	case errors.Is(err, io.EOF):
		return "there is none"
	}
	return err.Error()
}

func (s *scanner) read(cells []string) (row, bool) {
	line, _ := s.file.FieldPos(0)
	r := row{line: line}
	have := len(cells)
	if have > len(s.columns) && strings.TrimSpace(strings.Join(cells[len(s.columns):], "")) != "" {
		text := fmt.Sprintf("the row has %d cells, the header %d", have, len(s.columns))
		s.problem(Problem{Line: line, Column: 1, Text: text})
		return r, false
	}
	// Spreadsheets omit the separators of empty cells at the end of a row.
	for len(cells) < len(s.columns) {
		cells = append(cells, "")
	}
	good := true
	bad := func(i int, text string) {
		at, column := s.file.FieldPos(min(i, have-1))
		s.problem(Problem{at, column, r.name, s.columns[i].title, text})
		good = false
	}
	for i, c := range s.columns { // the name first, so that problems of the other cells can name the device
		if c.kind == names {
			if text := s.readName(&r, c, csvcell.Text(strings.TrimSpace(cells[i]))); text != "" {
				bad(i, text)
			}
		}
	}
	for i, c := range s.columns {
		if cell := csvcell.Text(strings.TrimSpace(cells[i])); cell != "" && c.kind != names && c.kind != ignored {
			if text := s.readCell(&r.edit, c, cell); text != "" {
				bad(i, text)
			}
		}
	}
	return r, good
}

func (s *scanner) readName(r *row, c column, cell string) string {
	if text := unreadable(cell); text != "" {
		return text
	}
	name, err := devices.ParseDeviceName(cell)
	if (err != nil || !strings.EqualFold(name, cell)) && s.exists(cell) {
		name, err = cell, nil // a name that an earlier capf allowed
	}
	switch {
	case err != nil && isScientific(cell):
		return scientific
	case err != nil:
		return err.Error()
	case plainHeading(c.title) == macHeading && devices.Doubt(name) != "" && strings.EqualFold(name, cell) && !s.exists(cell):
		return fmt.Sprintf("%q is not a MAC address, which has twelve digits; a spreadsheet may have taken zeros from its beginning", cell)
	}
	r.name = name
	key := strings.ToLower(name)
	if first, twice := s.seen[key]; twice {
		return fmt.Sprintf("the device is in line %d already", first)
	}
	s.seen[key] = r.line
	return ""
}

const scientific = "a spreadsheet has turned the digits into a number in scientific notation; format the column as text and write them again"

// scientificNumber is compiled only when a file is read, not by every
// command.
var scientificNumber = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9]([.,][0-9]+)?[eE]\+?[0-9]+$`) })

// isScientific recognises digits that a spreadsheet has turned into a
// number such as 1.2E+9. In a text column, it is just text.
func isScientific(cell string) bool { return scientificNumber().MatchString(cell) }

// unreadable recognises a cell garbled by another encoding.
func unreadable(cell string) string {
	if !utf8.ValidString(cell) {
		return "the cell is not UTF-8"
	}
	return ""
}

// readCell puts one cell into the edit. An error never contains an
// authentication string.
func (s *scanner) readCell(e *devices.Edit, c column, cell string) string {
	if text := unreadable(cell); text != "" {
		return text
	}
	switch {
	case c.kind == untitled:
		return "the column has no heading"
	case c.attribute.Secret:
		return readString(e, cell)
	case c.attribute.Text:
		cell = oneLine(cell)
	}
	if err := c.attribute.Read(e, cell, s.now); err != nil {
		return err.Error()
	}
	return ""
}

// readString reads an authentication string.
func readString(e *devices.Edit, cell string) string {
	switch {
	case isScientific(cell):
		return scientific
	case !devices.IsAuthString(cell):
		return "an authentication string has 4 to 10 digits; a spreadsheet may have taken zeros from its beginning"
	}
	e.String = &cell
	return ""
}

// oneLine joins the lines of a text.
func oneLine(cell string) string {
	return strings.Join(strings.FieldsFunc(cell, func(r rune) bool { return r == '\n' || r == '\r' }), " ")
}
