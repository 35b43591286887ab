package commands

import (
	"strings"
	"testing"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/term"
)

// TestHelpWidth holds every help page against a terminal of 80 columns; only
// an example, which is copied as it is, may be longer.
func TestHelpWidth(t *testing.T) {
	t.Parallel()
	root := tree(nil)
	pages := []cmdline.Line{{Command: root, Path: []string{"capf"}}}
	for i := range root.Commands {
		if c := &root.Commands[i]; c.Commands != nil {
			pages = append(pages, cmdline.Line{Command: c, Path: []string{"capf", c.Name}})
		}
	}
	for _, l := range cmdline.Leaves(root, "capf") {
		pages = append(pages, cmdline.Line{Command: l.Command, Path: strings.Fields(l.Name)})
	}
	for _, l := range pages {
		var b strings.Builder
		cmdline.Help(&b, l)
		page, _, _ := strings.Cut(b.String(), "\nExample:\n")
		for text := range strings.Lines(page) {
			if n := term.Width(strings.TrimSuffix(text, "\n")); n > 80 {
				t.Errorf("%s --help: %d columns: %s", l.Name(), n, text)
			}
		}
	}
}
