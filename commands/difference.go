package commands

import (
	"fmt"
	"strings"

	"capf/commands/internal/term"
)

// difference is one thing that is not as it is described. Its names in JSON are
// those of the document that apply prints.
type difference struct {
	Change     string      `json:"change"` // add, change or remove
	Name       string      `json:"name"`
	Purpose    string      `json:"purpose,omitempty"`
	Print      string      `json:"fingerprint_sha256,omitempty"`
	Attributes []attribute `json:"attributes,omitempty"`
	Reason     string      `json:"reason,omitempty"` // why it is kept
}

// attribute is one that differs. From is missing for what is new, and both are for a
// secret.
type attribute struct {
	Name string `json:"name"`
	From any    `json:"from,omitempty"`
	To   any    `json:"to,omitempty"`
}

func printDifferences(env *Env, all []difference) {
	for _, d := range all {
		fmt.Fprintln(env.out, term.OneLine(d.String()))
	}
}

// String is the line of a difference.
func (d difference) String() string {
	line := map[string]string{adds: "+", removes: "-"}[d.Change]
	if line == "" {
		line = "~"
	}
	if d.Purpose != "" {
		line += " " + d.Purpose + ":"
	}
	line += " " + d.Name
	for i, a := range d.Attributes {
		separator := "; "
		if i == 0 {
			separator = "  "
		}
		line += separator + a.words(d.Change)
	}
	return line
}

func (a attribute) words(change string) string {
	switch {
	case a.From == nil && a.To == nil:
		return a.Name + " (secret)"
	case change == adds:
		return a.Name + "=" + word(a.To)
	}
	return fmt.Sprintf("%s: %s -> %s", a.Name, word(a.From), word(a.To))
}

// word is a value in a line of differences; one of several words is quoted.
func word(v any) string {
	text := term.Text(v)
	if words, is := v.([]string); is {
		text = strings.Join(words, ",")
	}
	if text == "" {
		return `""`
	}
	for _, r := range text {
		if r == ' ' || r == '"' || r == ';' {
			return fmt.Sprintf("%q", text)
		}
	}
	return text
}
