package bulk

import (
	"bytes"
	"encoding/csv"
	"slices"
	"strings"

	"capf/internal/apperr"
	"capf/internal/charset"
	"capf/internal/document"
)

// CSVLimit is the size of the largest CSV file that is read: far more than
// 60,000 devices need, and small enough to hold in memory.
const CSVLimit = 64 << 20

// Reading says how a file is read that is not as capf writes it. The zero value is for
// one that is.
type Reading struct {
	Encoding      string    // as charset.Parse has it; "" recognises UTF-8 and UTF-16
	Columns       []Mapping // which columns have other headings than ours
	IgnoreUnknown bool      // leave out columns that are not known
}

// File is a file of devices whose header has been read: CSV, or JSON as capf writes it.
// Its rows are read with Scan, as often as they are needed.
type File struct {
	// Ignored are the headings of columns that are left out: unknown ones, and those of the
	// vendor that capf has no use for. What capf writes itself and does not read, such as
	// the status, is not among them.
	Ignored []string

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

// clearer is a rowReader of a form in which an empty text can be told from none. An empty
// cell of CSV says nothing, and neither does "" in a list as JSON, which has all texts.
type clearer interface {
	Clears(cell int) bool // the empty cell of the last row is an empty text
}

// OpenFile is the one entry to files of devices. It reads the header of a CSV file,
// separated by commas, semicolons or tabs, or as its first line says (sep=;). A file that
// begins with a bracket is JSON, and one that begins as a document.Is, YAML. ErrRefused
// says what is wrong with the file; of YAML it is a document.Problems.
func OpenFile(data []byte, o Reading) (*File, error) {
	text, err := fileText(data, o.Encoding)
	if err != nil {
		return nil, err
	}
	f := &File{}
	switch content := bytes.TrimSpace(text); {
	case len(content) == 0:
		return nil, apperr.WithHint(apperr.Refused("the file is empty"), "capf bulk template-csv prints a file to begin with")
	case content[0] == '[':
		keys, err := jsonKeys(text)
		if err != nil {
			return nil, apperr.Refused("the file is not JSON as capf device list prints it: %v", err)
		}
		f.reader = func() rowReader { return newJSONRows(text, keys) }
	case document.Is(text):
		if f.reader, err = documentReader(text); err != nil {
			return nil, err
		}
	default:
		comma, said, err := separator(text)
		if err != nil {
			return nil, err
		}
		f.reader = func() rowReader { return newCSVRows(text, comma, said) }
	}
	head, err := f.reader().Read()
	if err != nil {
		return nil, apperr.Refused("the header cannot be read: %v", plainCSV(err))
	}
	return f, f.understand(head, o)
}

// fileText returns the text of a file as UTF-8, and refuses what is no text.
func fileText(data []byte, encoding string) ([]byte, error) {
	const save = "in a spreadsheet, save it as \"CSV UTF-8\""
	if isSpreadsheet(data) {
		return nil, apperr.WithHint(apperr.Refused("the file is a spreadsheet, not CSV"), "%s", save)
	}
	text, err := charset.Decode(data, encoding)
	if err != nil && encoding == "" {
		err = apperr.WithHint(err, "--encoding %s reads what spreadsheets on Windows save as \"CSV\"; or %s", charset.Windows1252, save)
	}
	if err != nil {
		return nil, err
	}
	if at := bytes.IndexByte(text, 0); at >= 0 {
		line := bytes.Count(text[:at], []byte("\n")) + 1
		return nil, apperr.WithHint(apperr.Refused("line %d has a NUL byte, so the file is no CSV text", line), "%s", save)
	}
	if bytes.IndexByte(text, '\r') >= 0 && bytes.IndexByte(text, '\n') < 0 {
		return nil, apperr.WithHint(apperr.Refused("the lines of the file end in CR alone"), "%s", save)
	}
	return text, nil
}

// isSpreadsheet knows the two formats of spreadsheets by how they begin.
func isSpreadsheet(data []byte) bool {
	return bytes.HasPrefix(data, []byte("PK\x03\x04")) || bytes.HasPrefix(data, []byte("\xd0\xcf\x11\xe0"))
}

// separators are the characters that a spreadsheet may put between cells.
const separators = ",;\t"

// separator returns the separator that the first line of the file names, as
// files for spreadsheets do, or the likeliest.
func separator(data []byte) (comma rune, said bool, err error) {
	line, rows, _ := bytes.Cut(bytes.TrimLeft(data, "\r\n"), []byte("\n"))
	word := strings.TrimSuffix(string(line), "\r")
	if text, quoted := strings.CutPrefix(word, `"`); quoted {
		word, _, _ = strings.Cut(text, `"`)
	}
	if len(word) < 4 || !strings.EqualFold(word[:4], "sep=") {
		row, _, _ := bytes.Cut(bytes.TrimLeft(rows, "\r\n"), []byte("\n"))
		return likeliest(line, row), false, nil
	}
	// A spreadsheet that saved the file again has appended separators to the
	// line.
	if word = word[4:]; word == "" || !strings.Contains(separators, word[:1]) || strings.Trim(word, word[:1]) != "" {
		return 0, false, apperr.Refused("the first line says that cells are separated by %q; they can be by commas, semicolons or tabs", word)
	}
	return rune(word[0]), true, nil
}

// likeliest returns the separator that is most frequent in the header. One that comes as often
// in the first row is likelier, since a heading may have commas in it, as in Floor, room; and
// one that leaves a heading of names even more.
func likeliest(head, row []byte) rune {
	best, most := ',', 0
	known := headings()
	isName := func(title string) bool { return known[plainHeading(title)].kind == names }
	for _, c := range separators {
		n := unquoted(head, byte(c))
		if n > 0 && n == unquoted(row, byte(c)) {
			n += len(head)
		}
		titles := strings.FieldsFunc(string(head), func(r rune) bool { return r == c })
		if n > 0 && slices.ContainsFunc(titles, isName) {
			n += 2 * len(head)
		}
		if n > most {
			best, most = c, n
		}
	}
	return best
}

// unquoted counts a character outside quotes.
func unquoted(line []byte, c byte) (n int) {
	quoted := false
	for _, b := range line {
		switch {
		case b == '"':
			quoted = !quoted
		case b == c && !quoted:
			n++
		}
	}
	return n
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
