package bulk

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"capf/internal/csvcell"
)

// jsonRows reads a list of objects, as "capf device list --json" prints it,
// like a CSV file whose header is their keys.
type jsonRows struct {
	data  []byte
	keys  []string // the header
	begun bool
	json  *json.Decoder

	// The position of the last row in data.
	at        []int64 // its values
	from      int64   // its beginning
	line      int     // of the beginning, from 1
	lineStart int64   // of that line
}

func newJSONRows(data []byte, keys []string) *jsonRows {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	return &jsonRows{data: data, keys: keys, json: d, line: 1}
}

// jsonKeys returns the keys of all objects, in order of appearance.
func jsonKeys(data []byte) ([]string, error) {
	r := newJSONRows(data, nil)
	if err := r.open(); err != nil {
		return nil, err
	}
	var keys []string
	for {
		err := r.object(func(key, _ string) error {
			if !slices.Contains(keys, key) {
				keys = append(keys, key)
			}
			return nil
		})
		if errors.Is(err, io.EOF) && len(keys) == 0 {
			return []string{nameHeading}, nil // no devices
		}
		if errors.Is(err, io.EOF) {
			return keys, nil
		}
		if err != nil {
			line, _ := r.position(r.json.InputOffset())
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
	}
}

// open reads the opening bracket of the list.
func (r *jsonRows) open() error {
	r.begun = true
	return r.want('[')
}

// token returns the next token, which must exist.
func (r *jsonRows) token() (json.Token, error) {
	t, err := r.json.Token()
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("its end is missing")
	}
	return t, err
}

func (r *jsonRows) want(mark json.Delim) error {
	t, err := r.token()
	if err == nil && t != mark {
		err = fmt.Errorf("there is %v where %v was expected", t, mark)
	}
	return err
}

// object reads the next object, and returns its keys with values as in a CSV
// file. The error is io.EOF at the end of the list.
func (r *jsonRows) object(each func(key, cell string) error) error {
	if !r.json.More() {
		if err := r.want(']'); err != nil {
			return err
		}
		if _, err := r.json.Token(); !errors.Is(err, io.EOF) {
			return errors.New("there is something behind the list")
		}
		return io.EOF
	}
	if err := r.want('{'); err != nil {
		return err
	}
	seen := map[string]bool{}
	for r.json.More() {
		key, err := r.token()
		if err != nil {
			return err
		}
		name := key.(string) // the decoder guarantees this
		if seen[name] {
			return fmt.Errorf("the key %q comes twice in one object", name)
		}
		seen[name] = true
		cell, err := r.value(name)
		if err == nil {
			err = each(name, cell)
		}
		if err != nil {
			return err
		}
	}
	return r.want('}')
}

func (r *jsonRows) value(key string) (string, error) {
	t, err := r.token()
	if err != nil {
		return "", err
	}
	switch v := t.(type) {
	case json.Delim:
		return "", fmt.Errorf("the value of %q is neither a text nor a number", key)
	case string:
		return csvcell.Guard(v), nil
	case nil:
		return "", nil
	default:
		return fmt.Sprint(v), nil
	}
}

func (r *jsonRows) Read() ([]string, error) {
	if !r.begun {
		return r.keys, r.open()
	}
	from := r.json.InputOffset()
	r.line, r.lineStart = r.position(from)
	r.from = from
	cells := make([]string, len(r.keys))
	r.at = make([]int64, len(r.keys))
	err := r.object(func(key, cell string) error {
		i := slices.Index(r.keys, key)
		cells[i], r.at[i] = cell, r.json.InputOffset()
		return nil
	})
	for i := range r.at { // of a key that the object lacks, its end
		if r.at[i] == 0 {
			r.at[i] = r.json.InputOffset()
		}
	}
	return cells, err
}

// FieldPos returns where the value of a key ends.
func (r *jsonRows) FieldPos(cell int) (line, column int) {
	line, start := r.position(r.at[cell])
	return line, int(r.at[cell] - start)
}

// position returns the line of an offset after the beginning of the last row, and
// where that line begins. It counts from the last row, since a file may be one
// long line or have very many.
func (r *jsonRows) position(at int64) (line int, start int64) {
	row := r.data[r.from:at]
	if i := bytes.LastIndexByte(row, '\n'); i >= 0 {
		return r.line + bytes.Count(row, []byte("\n")), r.from + int64(i) + 1
	}
	return r.line, r.lineStart
}
