package bulk

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"

	"capf/internal/apperr"
	"capf/internal/charset"
	"capf/internal/csvcell"
)

// ReadNames reads a list of devices: one name a line, with blank lines and comments
// behind # left out, or a table (CSV, or JSON as device list prints it) that has a
// column of names, whatever its other columns are. A name that comes twice is
// returned twice. ErrRefused says what is wrong with the file; one without any name
// is refused, since it usually comes from something that has gone wrong before.
func ReadNames(data []byte) (names []string, err error) {
	if data, err = listText(data); err != nil {
		return nil, err
	}
	if isTable(data) {
		names, err = columnOf(data)
	} else {
		names = linesOf(data)
	}
	if err == nil && len(names) == 0 {
		err = apperr.Refused("it names no device")
	}
	return names, err
}

// listText returns the text of a list as UTF-8, and refuses what is no text.
func listText(data []byte) ([]byte, error) {
	const save = "in a spreadsheet, save it as \"CSV UTF-8\""
	if isSpreadsheet(data) {
		return nil, apperr.WithHint(apperr.Refused("it is a spreadsheet, not text"), "%s", save)
	}
	text, err := charset.Decode(data, "")
	if err != nil {
		return nil, apperr.WithHint(err, "%s", save)
	}
	if bytes.IndexByte(text, 0) >= 0 {
		return nil, apperr.WithHint(apperr.Refused("it is no text: it has NUL bytes"), "%s", save)
	}
	return text, nil
}

// isTable tells a table from a list by its first line that says something: no name
// has a separator in it, nor is it the heading of names.
func isTable(data []byte) bool {
	for line := range bytes.Lines(data) {
		text := plainLine(string(line))
		if text == "" {
			continue
		}
		return text[0] == '[' || strings.ContainsAny(text, separators) || isNameHeading(text) || strings.HasPrefix(strings.ToLower(text), "sep=")
	}
	return false
}

// isNameHeading knows the headings of files of devices, and the one that lists of what
// belongs to devices have.
func isNameHeading(title string) bool {
	plain := plainHeading(title)
	return plain == "device" || headings()[plain].kind == names
}

// plainLine is a line without its comment.
func plainLine(line string) string {
	line, _, _ = strings.Cut(line, "#")
	return strings.TrimSpace(line)
}

func linesOf(data []byte) (names []string) {
	for line := range strings.FieldsFuncSeq(string(data), func(r rune) bool { return r == '\n' || r == '\r' }) {
		if name := plainLine(line); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// columnOf reads the column of names of a table.
func columnOf(data []byte) ([]string, error) {
	r, err := rowsOf(data)
	if err != nil {
		return nil, err
	}
	head, err := r.Read()
	if err != nil {
		return nil, apperr.Refused("the header cannot be read: %v", plainCSV(err))
	}
	head = slices.Clone(head) // the reader uses it again
	at := -1
	for i, title := range head {
		switch {
		case !isNameHeading(title):
		case at >= 0:
			return nil, apperr.Refused("the columns %q and %q are the same", head[at], title)
		default:
			at = i
		}
	}
	if at < 0 {
		return nil, apperr.WithHint(apperr.Refused("the header has no column %q", nameHeading), "without a header, write one name a line")
	}
	var names []string
	for {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			return names, nil
		}
		if err != nil {
			return nil, apperr.Refused("line %d: %s", broken(err).Line, plainCSV(err))
		}
		if at >= len(cells) {
			continue
		}
		if name := csvcell.Text(strings.TrimSpace(cells[at])); name != "" {
			names = append(names, name)
		}
	}
}

func rowsOf(data []byte) (rowReader, error) {
	data = bytes.TrimLeft(data, " \t\r\n")
	if data[0] == '[' {
		keys, err := jsonKeys(data)
		if err != nil {
			return nil, apperr.Refused("it is not JSON as capf device list prints it: %v", err)
		}
		return newJSONRows(data, keys), nil
	}
	comma, said, err := separator(data)
	if err != nil {
		return nil, err
	}
	return newCSVRows(data, comma, said), nil
}
