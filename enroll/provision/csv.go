package provision

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"capf/enroll"
	"capf/store"
)

// CSVLimit is the size of the largest CSV file that is read: far more than
// 60,000 devices need, and little enough to keep in memory.
const CSVLimit = 64 << 20

// Problem is what is wrong with a place in a CSV file.
type Problem struct {
	Line, Column int    // from 1; the column counts bytes
	Device       string // of the row, when it is known
	Field        string // the heading; "" when the row as a whole is meant
	Text         string
}

// fieldKind is what a column of a CSV file is for.
type fieldKind int

const (
	ignored  fieldKind = iota
	untitled           // spreadsheets write such beside a table; their cells are to be empty
	fName
	fDescription
	fModel
	fPool
	fSecurityMode
	fIPMode
	fOperation
	fAuthMode
	fString
	fKeyOrder
	fRSABits
	fECBits
	fCompletesBy
)

// headings are the columns, as the vendor names them where that is known, and
// their names in "capf device list --csv". A heading is compared without
// blanks, hyphens and underscores, whatever the case.
var headings = []struct {
	title string
	kind  fieldKind
	also  []string
}{
	{"Device Name", fName, []string{"name", "mac address"}},
	{"Description", fDescription, nil},
	{"Model", fModel, []string{"device type", "phone model"}},
	{"Device Pool", fPool, []string{"pool"}},
	{"Device Security Mode", fSecurityMode, []string{"security mode"}},
	{"IP Addressing Mode", fIPMode, []string{"ip mode"}},
	{"Certificate Operation", fOperation, []string{"operation"}},
	{"Authentication Mode", fAuthMode, []string{"auth mode"}},
	{"Authentication String", fString, []string{"auth string"}},
	{"Key Order", fKeyOrder, nil},
	{"Key Size", fRSABits, []string{"rsa key size", "rsa bits", "key size (bits)"}},
	{"EC Key Size", fECBits, []string{"ec bits", "ec key size (bits)"}},
	{"Operation Completes By", fCompletesBy, []string{"completes by"}},
	// What capf says of a device, and takes from nobody.
	{"Certificate Operation Status", ignored, []string{"status"}},
	{"Updated At", ignored, []string{"created at"}},
}

// CSVHeader is the columns that a CSV file of devices may have, for an empty
// one.
func CSVHeader() []string {
	var titles []string
	for _, h := range headings {
		if h.kind != ignored {
			titles = append(titles, h.title)
		}
	}
	return titles
}

func plainHeading(s string) string {
	return strings.ToLower(strings.NewReplacer(" ", "", "-", "", "_", "").Replace(strings.TrimSpace(s)))
}

// column is one column of a file.
type column struct {
	title string
	kind  fieldKind
}

// table is a CSV file that is read row by row, as often as needed.
type table struct {
	data    []byte // without a byte order mark
	comma   rune
	columns []column
}

// errNotCSV wraps what makes the file as a whole useless.
func errNotCSV(hint, format string, args ...any) error { return refused(hint, format, args...) }

// openTable looks at the header of a CSV file: UTF-8, with or without a byte
// order mark, separated by commas or semicolons. ErrRefused says what is wrong
// with it.
func openTable(data []byte) (*table, error) {
	const save = "in a spreadsheet, save it as \"CSV UTF-8\""
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xfe")), bytes.HasPrefix(data, []byte("\xfe\xff")):
		return nil, errNotCSV(save, "the file is UTF-16, not UTF-8")
	case bytes.HasPrefix(data, []byte("PK\x03\x04")):
		return nil, errNotCSV(save, "the file is a spreadsheet, not CSV")
	case bytes.IndexByte(data, 0) >= 0:
		line := bytes.Count(data[:bytes.IndexByte(data, 0)], []byte("\n")) + 1
		return nil, errNotCSV(save, "line %d has a NUL byte, so the file is no CSV text", line)
	case bytes.IndexByte(data, '\r') >= 0 && bytes.IndexByte(data, '\n') < 0:
		return nil, errNotCSV(save, "the lines of the file end in CR alone")
	}
	t := &table{data: bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))}
	if len(bytes.TrimSpace(t.data)) == 0 {
		return nil, errNotCSV("capf bulk template-csv prints a file to begin with", "the file is empty")
	}
	t.comma = separator(t.data)
	head, err := t.reader().Read()
	if err != nil {
		return nil, errNotCSV("", "the header cannot be read: %v", plainCSV(err))
	}
	return t, t.understand(head)
}

// separator is the one of which the header has more.
func separator(data []byte) rune {
	line, _, _ := bytes.Cut(data, []byte("\n"))
	if bytes.Count(line, []byte(";")) > bytes.Count(line, []byte(",")) {
		return ';'
	}
	return ','
}

func (t *table) reader() *csv.Reader {
	r := csv.NewReader(bytes.NewReader(t.data))
	r.Comma, r.FieldsPerRecord, r.ReuseRecord = t.comma, -1, true
	return r
}

func (t *table) understand(head []string) error {
	known := map[string]fieldKind{}
	for _, h := range headings {
		for _, name := range append([]string{h.title}, h.also...) {
			known[plainHeading(name)] = h.kind
		}
	}
	seen := map[fieldKind]string{}
	var wrong []string
	for _, title := range head {
		kind, ok := known[plainHeading(title)]
		switch {
		case strings.TrimSpace(title) == "":
			kind = untitled
		case !ok:
			wrong = append(wrong, strconv.Quote(title))
			continue
		}
		if other, twice := seen[kind]; twice && kind >= fName {
			return errNotCSV("", "the columns %q and %q are the same", other, title)
		}
		seen[kind] = title
		t.columns = append(t.columns, column{strings.TrimSpace(title), kind})
	}
	const help = "capf bulk template-csv prints the columns that there are"
	if len(wrong) > 0 {
		return errNotCSV(help, "the header has columns that are not known: %s", strings.Join(wrong, ", "))
	}
	if _, ok := seen[fName]; !ok {
		return errNotCSV(help, "the header has no column %q", headings[0].title)
	}
	return nil
}

// row is one row of a file.
type row struct {
	line int
	name string
	edit enroll.DeviceEdit
}

// scanner goes through the rows of a file.
type scanner struct {
	*table
	csv  *csv.Reader
	now  time.Time
	rows int            // read so far
	seen map[string]int // name in lower case → line
	// problem is told what is wrong; the row is not used then.
	problem func(Problem)
}

func (t *table) scan(now time.Time, problem func(Problem)) (*scanner, error) {
	s := &scanner{table: t, csv: t.reader(), now: now, seen: map[string]int{}, problem: problem}
	_, err := s.csv.Read() // the header, which openTable has seen
	return s, err
}

// next returns the next row that is good in itself, and false behind the last
// one.
func (s *scanner) next() (row, bool) {
	for {
		cells, err := s.csv.Read()
		if errors.Is(err, io.EOF) {
			return row{}, false
		}
		if err != nil {
			var at *csv.ParseError
			p := Problem{Text: plainCSV(err) + "; nothing behind it was looked at"}
			if errors.As(err, &at) {
				p.Line, p.Column = at.Line, at.Column
			}
			s.problem(p)
			return row{}, false
		}
		if strings.TrimSpace(strings.Join(cells, "")) == "" {
			continue // spreadsheets write such below a table
		}
		s.rows++
		if r, ok := s.read(cells); ok {
			return r, true
		}
	}
}

// plainCSV is what encoding/csv found, without its own line and column.
func plainCSV(err error) string {
	switch {
	case errors.Is(err, csv.ErrBareQuote):
		return `a " stands in a cell that does not begin with one`
	case errors.Is(err, csv.ErrQuote):
		return `a " is missing, or stands within a quoted cell without being doubled`
	}
	return err.Error()
}

func (s *scanner) read(cells []string) (row, bool) {
	line, _ := s.csv.FieldPos(0)
	r := row{line: line}
	if len(cells) != len(s.columns) {
		text := fmt.Sprintf("the row has %d cells, the header %d", len(cells), len(s.columns))
		s.problem(Problem{Line: line, Column: 1, Text: text})
		return r, false
	}
	good := true
	bad := func(i int, text string) {
		at, column := s.csv.FieldPos(i)
		s.problem(Problem{at, column, r.name, s.columns[i].title, text})
		good = false
	}
	for i, c := range s.columns { // the name first, for the problems of the others
		if c.kind == fName {
			if text := s.readName(&r, cells[i]); text != "" {
				bad(i, text)
			}
		}
	}
	for i, c := range s.columns {
		if cell := strings.TrimSpace(cells[i]); cell != "" && c.kind != fName && c.kind != ignored {
			if text := s.readCell(&r.edit, c.kind, cell); text != "" {
				bad(i, text)
			}
		}
	}
	return r, good
}

func (s *scanner) readName(r *row, cell string) string {
	cell = strings.TrimSpace(cell)
	if text := unreadable(cell); text != "" {
		return text
	}
	switch {
	case enroll.IsMAC(cell):
		cell = "SEP" + cell // so the vendor's own files have it
	case len(cell) >= 8 && len(cell) < 12 && strings.Trim(cell, "0123456789") == "":
		return "a MAC address has twelve digits; a spreadsheet may have taken zeros from its beginning"
	}
	name, err := enroll.ParseDeviceName(cell)
	if err != nil {
		return err.Error()
	}
	r.name = name
	key := strings.ToLower(name)
	if first, twice := s.seen[key]; twice {
		return fmt.Sprintf("the device is in line %d already", first)
	}
	s.seen[key] = r.line
	return ""
}

// scientific is compiled when a file is read, and not by every command.
var scientific = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9]([.,][0-9]+)?[eE]\+?[0-9]+$`) })

// unreadable finds what a spreadsheet or another encoding has done to a cell.
func unreadable(cell string) string {
	switch {
	case !utf8.ValidString(cell):
		return "the cell is not UTF-8"
	case scientific().MatchString(cell) && !enroll.IsMAC(cell):
		return "a spreadsheet has turned the digits into a number in scientific notation; format the column as text and write them again"
	}
	return ""
}

// readCell puts one cell into the edit. The text of an error never has an
// authentication string in it.
func (s *scanner) readCell(e *enroll.DeviceEdit, kind fieldKind, cell string) string {
	if text := unreadable(cell); text != "" {
		return text
	}
	switch kind {
	case untitled:
		return "the column has no heading"
	case fDescription:
		e.Description = plainText(cell)
	case fModel:
		e.Model = plainText(cell)
	case fPool:
		e.Pool = plainText(cell)
	case fSecurityMode:
		return into(&e.SecurityMode, cell, store.ParseSecurityMode)
	case fIPMode:
		return into(&e.IPMode, cell, store.ParseIPMode)
	case fOperation:
		return into(&e.Operation, cell, store.ParseOperation)
	case fAuthMode:
		return into(&e.AuthMode, cell, store.ParseAuthMode)
	case fKeyOrder:
		return into(&e.KeyOrder, cell, store.ParseKeyOrder)
	case fRSABits:
		return into(&e.RSABits, cell, bits)
	case fECBits:
		return into(&e.ECBits, cell, bits)
	case fCompletesBy:
		return into(&e.CompletesBy, cell, func(t string) (time.Time, error) { return enroll.ParseTime(t, s.now) })
	case fString:
		if !enroll.IsAuthString(cell) {
			return "an authentication string has 4 to 10 digits; a spreadsheet may have taken zeros from its beginning"
		}
		e.String = &cell
	}
	return ""
}

func into[T any](field **T, cell string, parse func(string) (T, error)) string {
	v, err := parse(cell)
	if err != nil {
		return err.Error()
	}
	*field = &v
	return ""
}

func bits(cell string) (int, error) {
	n, err := strconv.Atoi(cell)
	if err != nil {
		return 0, fmt.Errorf("%q is not a number of bits", cell)
	}
	return n, nil
}

// plainText undoes what "capf device list --csv" does to a cell that a
// spreadsheet would run, and makes one line of several.
func plainText(cell string) *string {
	if text, quoted := strings.CutPrefix(cell, "'"); quoted && strings.IndexAny(text, "=+-@\t\r\n＝＋－＠") == 0 {
		cell = text
	}
	cell = strings.Join(strings.FieldsFunc(cell, func(r rune) bool { return r == '\n' || r == '\r' }), " ")
	return &cell
}
