package bulk

import (
	"io"
	"slices"

	"capf/internal/csvcell"
	"capf/internal/document"
)

// keyDevices is what stands above the devices in a YAML document.
const keyDevices = "devices"

// documentReader reads a YAML document of devices, like a CSV file whose header is the
// keys of all devices. The error is a document.Problems.
func documentReader(text []byte) (func() rowReader, error) {
	root, err := document.Read(text)
	if err != nil {
		return nil, err
	}
	var p document.Problems
	described := root.ListUnder(&p, keyDevices)
	keys := []string{nameHeading} // also of an empty list
	if len(described) > 0 {
		keys = documentKeys(&p, described)
	}
	if err := p.Err(); err != nil {
		return nil, err
	}
	return func() rowReader { return &documentRows{devices: described, keys: keys} }, nil
}

// documentKeys are the keys of all devices, in order of appearance.
func documentKeys(p *document.Problems, described []*document.Node) (keys []string) {
	for _, n := range described {
		if n.Kind != document.Map {
			p.Add(n.Line, "a device is keys with values, as name: SEP001122334455")
			continue
		}
		for _, e := range n.Entries {
			if e.Value.Kind == document.List || e.Value.Kind == document.Map {
				p.Add(e.Line, "%s has one value", e.Key)
			}
			if !slices.Contains(keys, e.Key) {
				keys = append(keys, e.Key)
			}
		}
	}
	return keys
}

// documentRows reads the devices of a document one by one.
type documentRows struct {
	devices []*document.Node // not read yet
	keys    []string
	begun   bool
	// Of the last row:
	lines  []int  // of the values
	clears []bool // a value is the empty text, not missing
}

func (r *documentRows) Read() ([]string, error) {
	if !r.begun {
		r.begun = true
		return r.keys, nil
	}
	if len(r.devices) == 0 {
		return nil, io.EOF
	}
	n := r.devices[0]
	r.devices = r.devices[1:]
	cells := make([]string, len(r.keys))
	r.lines, r.clears = make([]int, len(r.keys)), make([]bool, len(r.keys))
	for i := range r.lines {
		r.lines[i] = n.Line
	}
	for _, e := range n.Entries {
		i := slices.Index(r.keys, e.Key)
		cells[i], r.lines[i] = csvcell.Guard(e.Value.Text), e.Line
		r.clears[i] = e.Value.Kind == document.Text && e.Value.Text == ""
	}
	return cells, nil
}

// FieldPos tells only the lines apart, of which each holds one value.
func (r *documentRows) FieldPos(cell int) (line, column int) { return r.lines[cell], 1 }

// Clears reports whether a value was written as "", which is more than none at all.
func (r *documentRows) Clears(cell int) bool { return r.clears[cell] }
