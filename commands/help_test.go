package commands

import (
	"capf/commands/internal/term"
	"strings"
	"testing"
)

// TestHelpWidth holds every help page against a terminal of 80 columns; only
// an example, which is copied as it is, may be longer.
func TestHelpWidth(t *testing.T) {
	t.Parallel()
	root := tree(nil)
	pages := []line{{command: root, path: []string{"capf"}}}
	for i := range root.commands {
		if c := &root.commands[i]; c.commands != nil {
			pages = append(pages, line{command: c, path: []string{"capf", c.name}})
		}
	}
	for _, l := range leaves(root, "capf") {
		pages = append(pages, line{command: l.command, path: strings.Fields(l.name)})
	}
	for _, l := range pages {
		var b strings.Builder
		help(&b, l)
		page, _, _ := strings.Cut(b.String(), "\nExample:\n")
		for text := range strings.Lines(page) {
			if n := term.Width(strings.TrimSuffix(text, "\n")); n > 80 {
				t.Errorf("%s --help: %d columns: %s", l.name(), n, text)
			}
		}
	}
}
