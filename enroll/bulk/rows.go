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

	"capf/enroll/devices"
	"capf/internal/csvcell"
)

// Row is one row of a file.
type Row struct {
	Line int
	Name string // spelled, or that of an existing device
	Edit devices.Edit
}

// Problem is something wrong in a file, and where.
type Problem struct {
	Line, Column int    // from 1; the column counts bytes
	Device       string // of the row, when it is known
	Field        string // the heading; "" when the row as a whole is meant
	Text         string
	Row          int // the line in which the row begins; a quoted cell may be lines below
}

// Scanner reads the rows of a file.
type Scanner struct {
	Rows int // read so far, good or not

	file    *File
	reader  rowReader
	now     time.Time
	seen    map[string]int // name in lower case → line
	exists  func(name string) bool
	problem func(Problem)
}

// Scan begins with the first row. Spans of time begin now. exists reports whether a device
// has exactly that name, which comes before how the name is spelled. problem is called with
// what is wrong; the row is then not used.
func (f *File) Scan(now time.Time, exists func(name string) bool, problem func(Problem)) (*Scanner, error) {
	s := &Scanner{file: f, reader: f.reader(), now: now, seen: map[string]int{}, exists: exists, problem: problem}
	_, err := s.reader.Read() // skip the header, which OpenFile has read
	return s, err
}

// Next returns the next row that is valid in itself, and false at the end.
func (s *Scanner) Next() (Row, bool) {
	for {
		cells, err := s.reader.Read()
		if errors.Is(err, io.EOF) {
			return Row{}, false
		}
		if err != nil {
			s.problem(broken(err))
			return Row{}, false
		}
		if strings.TrimSpace(strings.Join(cells, "")) == "" {
			continue // spreadsheets write empty rows below a table
		}
		s.Rows++
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
		p.Line, p.Column, p.Row = at.Line, at.Column, at.StartLine
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

func (s *Scanner) read(cells []string) (Row, bool) {
	line, _ := s.reader.FieldPos(0)
	r := Row{Line: line}
	have := len(cells)
	if have > len(s.file.columns) && strings.TrimSpace(strings.Join(cells[len(s.file.columns):], "")) != "" {
		text := fmt.Sprintf("the row has %d cells, the header %d", have, len(s.file.columns))
		s.problem(Problem{Line: line, Column: 1, Text: text, Row: line})
		return r, false
	}
	// Spreadsheets omit the separators of empty cells at the end of a row.
	for len(cells) < len(s.file.columns) {
		cells = append(cells, "")
	}
	good := true
	bad := func(i int, text string) {
		at, column := s.reader.FieldPos(min(i, have-1))
		s.problem(Problem{at, column, r.Name, s.file.columns[i].title, text, line})
		good = false
	}
	for i, c := range s.file.columns { // the name first, so that problems of the other cells can name the device
		if c.kind == names {
			if text := s.readName(&r, c, csvcell.Text(strings.TrimSpace(cells[i]))); text != "" {
				bad(i, text)
			}
		}
	}
	for i, c := range s.file.columns {
		cell := csvcell.Text(strings.TrimSpace(cells[i]))
		if cell != "" && c.kind != names && c.kind != ignored {
			if text := s.readCell(&r.Edit, c, cell); text != "" {
				bad(i, text)
			}
		} else if cell == "" && c.attribute.Text && s.clears(i) {
			c.attribute.Clear(&r.Edit)
		}
	}
	return r, good
}

func (s *Scanner) clears(cell int) bool {
	c, is := s.reader.(clearer)
	return is && c.Clears(cell)
}

func (s *Scanner) readName(r *Row, c column, cell string) string {
	name, err := devices.ParseDeviceName(cell)
	if (err != nil || !strings.EqualFold(name, cell)) && s.exists(cell) {
		name, err = cell, nil // a name that an earlier capf allowed
	}
	switch {
	case err != nil && isScientific(cell):
		return scientific
	case err != nil:
		return err.Error()
	case strings.HasPrefix(plainHeading(c.title), macHeading) && devices.Doubt(name) != "" && strings.EqualFold(name, cell) && !s.exists(cell):
		return fmt.Sprintf("%q is not a MAC address, which has twelve digits; a spreadsheet may have taken zeros from its beginning", cell)
	}
	r.Name = name
	key := strings.ToLower(name)
	if first, twice := s.seen[key]; twice {
		return fmt.Sprintf("the device is in line %d already", first)
	}
	s.seen[key] = r.Line
	return ""
}

const scientific = "a spreadsheet has turned the digits into a number in scientific notation; format the column as text and write them again"

// scientificNumber is compiled only when a file is read, not by every
// command.
var scientificNumber = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9]([.,][0-9]+)?[eE]\+?[0-9]+$`) })

// isScientific recognises digits that a spreadsheet has turned into a
// number such as 1.2E+9. In a text column, it is just text.
func isScientific(cell string) bool { return scientificNumber().MatchString(cell) }

// readCell puts one cell into the edit. An error never contains an
// authentication string.
func (s *Scanner) readCell(e *devices.Edit, c column, cell string) string {
	if c.value != nil {
		cell = c.value(cell)
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
