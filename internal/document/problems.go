package document

import (
	"fmt"
	"slices"
	"strings"

	"capf/internal/apperr"
	"capf/internal/plural"
)

// mostProblems is how many problems are kept; a wrong document may have a hundred
// thousand.
const mostProblems = 1000

// Problem is something wrong in a document.
type Problem struct {
	Line int    `json:"line,omitempty"` // from 1; 0 when the whole is meant
	Text string `json:"problem"`
}

// String has the line in front.
func (p Problem) String() string {
	if p.Line == 0 {
		return p.Text
	}
	return fmt.Sprintf("line %d: %s", p.Line, p.Text)
}

// Problems is everything that is wrong in a document, in the order of the lines. As
// an error it is apperr.ErrRefused.
type Problems []Problem

func problem(line int, format string, args ...any) error {
	return Problems{{line, fmt.Sprintf(format, args...)}}
}

// Add adds a problem.
func (p *Problems) Add(line int, format string, args ...any) {
	if len(*p) < mostProblems {
		*p = append(*p, Problem{line, fmt.Sprintf(format, args...)})
	}
}

// Err returns the problems as an error, nil when there are none.
func (p Problems) Err() error {
	if len(p) == 0 {
		return nil
	}
	slices.SortStableFunc(p, func(a, b Problem) int { return a.Line - b.Line })
	return p
}

// Error names the only problem, or says how many there are.
func (p Problems) Error() string {
	if len(p) == 1 {
		return p[0].String()
	}
	return plural.Of(len(p), "problem") + " found"
}

// Unwrap makes them a refusal.
func (p Problems) Unwrap() error { return apperr.ErrRefused }

// Fields returns the values of a map by their keys. Keys that are not among the known
// ones are problems, and so is anything but a map.
func (n *Node) Fields(p *Problems, known ...string) map[string]*Node {
	fields := map[string]*Node{}
	if n.Kind != Map {
		p.Add(n.Line, "keys with values are expected here: %s", strings.Join(known, ", "))
		return fields
	}
	for _, e := range n.Entries {
		if !slices.Contains(known, e.Key) {
			p.Add(e.Line, "the key %q is not known here; there are %s", e.Key, strings.Join(known, ", "))
			continue
		}
		fields[e.Key] = e.Value
	}
	return fields
}

// Under returns what a document of version 1 has under the key, beside which nothing
// but the version may stand; nil when it is missing.
func (n *Node) Under(p *Problems, key string) *Node {
	fields := n.Fields(p, "version", key)
	if n.Kind != Map {
		return nil
	}
	switch v := fields["version"]; {
	case v == nil:
		p.Add(n.Line, "the version is missing: version: 1")
	case v.Text != "1":
		p.Add(v.Line, "version %q is not known: this capf reads version 1", v.Text)
	}
	if fields[key] == nil {
		p.Add(n.Line, "%q is missing", key)
	}
	return fields[key]
}

// ListUnder is Under for a list: its items, none when it is missing or no list.
func (n *Node) ListUnder(p *Problems, key string) []*Node {
	list := n.Under(p, key)
	switch {
	case list == nil:
		return nil
	case list.Kind != List:
		p.Add(list.Line, "%s is a list, whose entries begin with a hyphen", key)
	}
	return list.Items
}

// Word returns the text of a value that must be one.
func (n *Node) Word(p *Problems, key string) string {
	if n == nil {
		return ""
	}
	if n.Kind != Text || strings.TrimSpace(n.Text) == "" {
		p.Add(n.Line, "%s has no text", key)
		return ""
	}
	return n.Text
}

// Words returns the texts of a list, or of one text that stands for a list of one.
func (n *Node) Words(p *Problems, key string) []string {
	switch {
	case n == nil:
		return nil
	case n.Kind == Text:
		return []string{n.Text}
	case n.Kind != List || len(n.Items) == 0:
		p.Add(n.Line, "%s is a word, or a list of words", key)
		return nil
	}
	var words []string
	for _, item := range n.Items {
		words = append(words, item.Word(p, key))
	}
	return words
}
