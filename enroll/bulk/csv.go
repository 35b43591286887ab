package bulk

import (
	"bytes"
	"encoding/csv"
	"strconv"
	"strings"

	"capf/enroll/devices"
	"capf/internal/apperr"
)

// CSVLimit is the size of the largest CSV file that is read: far more than
// 60,000 devices need, and small enough to hold in memory.
const CSVLimit = 64 << 20

// Problem is something wrong in a CSV file, and where.
type Problem struct {
	Line, Column int    // from 1; the column counts bytes
	Device       string // of the row, when it is known
	Field        string // the heading; "" when the row as a whole is meant
	Text         string
}

// columnKind says what a column of a CSV file holds.
type columnKind int

const (
	ignored  columnKind = iota
	untitled            // spreadsheets write these beside a table; their cells must be empty
	names
	attribute
)

// nameHeading is the heading of the column that every file needs.
const nameHeading = "Device Name"

// macHeading is the plain heading of a column of MAC addresses. The vendor's files have
// other devices' names in it as well, but no numbers.
const macHeading = "macaddress"

// CSVHeader returns the headings that a CSV file of devices may have, for an
// empty file.
func CSVHeader() []string {
	titles := []string{nameHeading}
	for _, a := range devices.Attributes() {
		titles = append(titles, a.Heading)
	}
	return titles
}

// headings maps plain headings to columns: those of the vendor where they are
// known, and those of "capf device list --csv".
func headings() map[string]column {
	known := map[string]column{}
	add := func(c column, titles ...string) {
		for _, title := range titles {
			known[plainHeading(title)] = c
		}
	}
	add(column{kind: names}, nameHeading, "name", "mac address")
	// Read-only columns, which capf writes and ignores when it reads.
	add(column{}, "Certificate Operation Status", "status", "Updated At", "created at", "seen at",
		"LSC Ends", "lsc not after", "lsc not before", "lsc serial", "lsc issuer", "renewal")
	for _, a := range devices.Attributes() {
		add(column{kind: attribute, attribute: a}, append([]string{a.Heading, a.Name}, a.Also...)...)
	}
	return known
}

// plainHeading normalizes a heading: blanks, hyphens, underscores and case
// do not count.
func plainHeading(s string) string {
	return strings.ToLower(strings.NewReplacer(" ", "", "-", "", "_", "").Replace(strings.TrimSpace(s)))
}

// column is one column of a file.
type column struct {
	title     string // as the file has it
	kind      columnKind
	attribute devices.Attribute // of the kind attribute
}

// table is a file of devices that can be read row by row, repeatedly.
type table struct {
	columns []column
	reader  func() rowReader
}

// rowReader returns the header of a file, then its rows, then io.EOF. A short
// row lacks its last cells. FieldPos returns the position of a cell of the
// last row, from 1.
type rowReader interface {
	Read() ([]string, error)
	FieldPos(cell int) (line, column int)
}

// errNotCSV wraps an error that makes the whole file useless.
func errNotCSV(hint, format string, args ...any) error {
	return apperr.WithHint(apperr.Refused(format, args...), "%s", hint)
}

// openTable reads the header of a CSV file: UTF-8, with or without a byte order
// mark, separated by commas, semicolons or tabs, or as its first line says
// (sep=;). A file that begins with a bracket is JSON. ErrRefused says what is
// wrong with the file.
func openTable(data []byte) (*table, error) {
	const save = "in a spreadsheet, save it as \"CSV UTF-8\""
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xfe")), bytes.HasPrefix(data, []byte("\xfe\xff")):
		return nil, apperr.WithHint(apperr.Refused("the file is UTF-16, not UTF-8"), "%s", save)
	case bytes.HasPrefix(data, []byte("PK\x03\x04")):
		return nil, apperr.WithHint(apperr.Refused("the file is a spreadsheet, not CSV"), "%s", save)
	case bytes.IndexByte(data, 0) >= 0:
		line := bytes.Count(data[:bytes.IndexByte(data, 0)], []byte("\n")) + 1
		return nil, apperr.WithHint(apperr.Refused("line %d has a NUL byte, so the file is no CSV text", line), "%s", save)
	case bytes.IndexByte(data, '\r') >= 0 && bytes.IndexByte(data, '\n') < 0:
		return nil, apperr.WithHint(apperr.Refused("the lines of the file end in CR alone"), "%s", save)
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	t := &table{}
	switch content := bytes.TrimSpace(data); {
	case len(content) == 0:
		return nil, apperr.WithHint(apperr.Refused("the file is empty"), "capf bulk template-csv prints a file to begin with")
	case content[0] == '[':
		keys, err := jsonKeys(data)
		if err != nil {
			return nil, apperr.Refused("the file is not JSON as capf device list prints it: %v", err)
		}
		t.reader = func() rowReader { return newJSONRows(data, keys) }
	default:
		comma, said, err := separator(data)
		if err != nil {
			return nil, err
		}
		t.reader = func() rowReader { return newCSVRows(data, comma, said) }
	}
	head, err := t.reader().Read()
	if err != nil {
		return nil, apperr.Refused("the header cannot be read: %v", plainCSV(err))
	}
	return t, t.understand(head)
}

// separators are the characters that a spreadsheet may put between cells.
const separators = ",;\t"

// separator returns the separator that the first line of the file names, as
// files for spreadsheets do, or the one that is most frequent in the header.
func separator(data []byte) (comma rune, said bool, err error) {
	line, _, _ := bytes.Cut(bytes.TrimLeft(data, "\r\n"), []byte("\n"))
	word := strings.TrimSuffix(string(line), "\r")
	if text, quoted := strings.CutPrefix(word, `"`); quoted {
		word, _, _ = strings.Cut(text, `"`)
	}
	if len(word) < 4 || !strings.EqualFold(word[:4], "sep=") {
		comma = ','
		for _, c := range separators {
			if bytes.Count(line, []byte(string(c))) > bytes.Count(line, []byte(string(comma))) {
				comma = c
			}
		}
		return comma, false, nil
	}
	// A spreadsheet that saved the file again has appended separators to the
	// line.
	if word = word[4:]; word == "" || !strings.Contains(separators, word[:1]) || strings.Trim(word, word[:1]) != "" {
		return 0, false, apperr.Refused("the first line says that cells are separated by %q; they can be by commas, semicolons or tabs", word)
	}
	return rune(word[0]), true, nil
}

// newCSVRows skips a first line that names the separator.
func newCSVRows(data []byte, comma rune, said bool) rowReader {
	r := csv.NewReader(bytes.NewReader(data))
	r.Comma, r.FieldsPerRecord, r.ReuseRecord = comma, -1, true
	if said {
		_, _ = r.Read() // it is one cell, or empty ones
	}
	return r
}

func (t *table) understand(head []string) error {
	known := headings()
	seen := map[string]string{} // attribute → heading
	var wrong []string
	for _, title := range head {
		c, ok := known[plainHeading(title)]
		switch {
		case strings.TrimSpace(title) == "":
			c = column{kind: untitled}
		case !ok:
			wrong = append(wrong, strconv.Quote(title))
			continue
		}
		c.title = strings.TrimSpace(title)
		if c.kind >= names {
			if other, twice := seen[c.attribute.Name]; twice { // that of the device's name is ""
				return errNotCSV("", "the columns %q and %q are the same", other, title)
			}
			seen[c.attribute.Name] = title
		}
		t.columns = append(t.columns, c)
	}
	const help = "capf bulk template-csv prints the columns that there are"
	if len(wrong) > 0 {
		return errNotCSV(help, "the header has columns that are not known: %s", strings.Join(wrong, ", "))
	}
	if _, ok := seen[""]; !ok {
		return errNotCSV(help, "the header has no column %q", nameHeading)
	}
	return nil
}
