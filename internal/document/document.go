// Package document reads the YAML documents in which people write down how things
// should be. It gives every value its line, so that whoever knows what a document is
// about can say where it is wrong. It reads less than YAML allows: one document, no
// anchors, no tags, and every value as the text that is written there, so that 0123
// stays a string of four digits and no stays a word. It must not know what a document
// is about.
package document

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"capf/internal/charset"
)

// Limits of a document: far more than 60,000 devices need, and so little that a
// document made for the purpose cannot use up the memory.
const (
	MaxSize  = 16 << 20
	maxMarks = 2 << 20 // characters that may begin or divide values
	maxDepth = 8
)

// Kind says what a Node is.
type Kind int

// The kinds of nodes.
const (
	Nothing Kind = iota // no value, or null
	Text
	List
	Map
)

// Node is a value in a document.
type Node struct {
	Kind    Kind
	Line    int     // from 1
	Text    string  // of a Text, as it is written
	Items   []*Node // of a List
	Entries []Entry // of a Map, in their order; the keys are different
}

// Entry is a key with its value.
type Entry struct {
	Key   string
	Line  int
	Value *Node
}

// Is reports whether data looks like a document, rather than a table or lines of
// words: its first line that is neither blank nor a comment begins one.
func Is(data []byte) bool {
	for line := range bytes.Lines(data) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		return line[0] == '{' || bytes.HasPrefix(line, []byte("---")) || bytes.HasPrefix(line, []byte("%YAML")) ||
			bytes.HasPrefix(line, []byte("version:"))
	}
	return false
}

// Read reads a document. A Problems error says what is wrong with it.
func Read(data []byte) (*Node, error) {
	data, err := Plain(data)
	if err != nil {
		return nil, err
	}
	if bytes.Count(data, []byte("\n"))+countAny(data, ",:[{-?") > maxMarks {
		return nil, problem(0, "it holds too many values")
	}
	d := yaml.NewDecoder(bytes.NewReader(data))
	var root, second yaml.Node
	switch err := d.Decode(&root); {
	case errors.Is(err, io.EOF):
		return nil, problem(0, "it is empty")
	case err != nil:
		return nil, syntax(err)
	}
	switch err := d.Decode(&second); {
	case err == nil:
		return nil, problem(second.Line, "a second document begins; one file holds one")
	case !errors.Is(err, io.EOF):
		return nil, syntax(err)
	}
	var r reader
	n := r.node(root.Content[0], 1)
	return n, r.problems.Err()
}

// Plain returns the text of a file as UTF-8, without a byte order mark. A Problems error
// says why it is none.
func Plain(data []byte) ([]byte, error) {
	if len(data) > MaxSize {
		return nil, problem(0, "it has more than %d MiB", MaxSize>>20)
	}
	text, err := charset.Decode(data, "")
	if err != nil {
		return nil, problem(0, "%v", err)
	}
	return text, nil
}

func countAny(data []byte, marks string) (n int) {
	for i := range len(marks) {
		n += bytes.Count(data, []byte{marks[i]})
	}
	return n
}

var syntaxLine = regexp.MustCompile(`^yaml: (?:line ([0-9]+): )?`)

// syntax takes the line out of an error of the parser.
func syntax(err error) error {
	text := err.Error()
	found := syntaxLine.FindStringSubmatch(text)
	line := 0
	if found != nil {
		line, _ = strconv.Atoi(found[1])
		text = strings.TrimPrefix(text, found[0])
	}
	return problem(line, "it is no YAML: %s", text)
}

// reader makes Nodes of what the parser found.
type reader struct{ problems Problems }

func (r *reader) node(y *yaml.Node, depth int) *Node {
	n := &Node{Line: y.Line}
	switch {
	case y.Kind == yaml.AliasNode || y.Anchor != "":
		r.problems.Add(y.Line, "anchors and aliases (& and *) are not read: write the value itself")
	case y.Style&yaml.TaggedStyle != 0:
		r.problems.Add(y.Line, "tags such as %s are not read: write the value alone", y.Tag)
	case depth > maxDepth:
		r.problems.Add(y.Line, "values stand within more than %d others", maxDepth)
	case y.Kind == yaml.SequenceNode:
		n.Kind = List
		for _, item := range y.Content {
			n.Items = append(n.Items, r.node(item, depth+1))
		}
	case y.Kind == yaml.MappingNode:
		n.Kind = Map
		r.entries(n, y.Content, depth)
	case y.Tag != "!!null":
		n.Kind, n.Text = Text, y.Value
	}
	return n
}

// entries reads the keys and values of a map.
func (r *reader) entries(n *Node, content []*yaml.Node, depth int) {
	seen := map[string]int{}
	for i := 0; i+1 < len(content); i += 2 {
		key := r.node(content[i], depth+1)
		if key.Kind != Text {
			r.problems.Add(key.Line, "a key is a word")
			continue
		}
		if first, twice := seen[key.Text]; twice {
			r.problems.Add(key.Line, "%q stands in line %d already", key.Text, first)
			continue
		}
		seen[key.Text] = key.Line
		n.Entries = append(n.Entries, Entry{key.Text, key.Line, r.node(content[i+1], depth+1)})
	}
}
