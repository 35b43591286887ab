package commands

import (
	"strings"
	"testing"
)

// TestImpactStandsAboveTheQuestion answers questions with no: what would be lost is said
// before, and the question says what happens to whom.
func TestImpactStandsAboveTheQuestion(t *testing.T) {
	t.Parallel()
	dir := house(t)
	must(t, dir, "device", "generate-string", "SEP001122334455")
	must(t, dir, "device", "add", "SEP001122334466")
	for _, test := range []struct{ line, impact, question string }{
		{"cert regenerate capf", "impact: phones need the new certificate in their CTL or ITL file before serve is restarted: capf cert export capf", "Replace the CAPF key"},
		{"bulk update --all --operation delete", "", "Change 2 devices: operation=delete?"},
		{"bulk update --all --unique-strings --replace", "impact: 1 authentication string will be replaced; what has been handed out is worth nothing then",
			"Change 2 devices: auth-string=(unique)?"},
		{"bulk update --all --generate-string", "impact: 1 authentication string will be replaced", "Change 2 devices: auth-string=(set)?"},
		{"bulk update --all --unique-strings", "", "Change 2 devices: auth-string=(unique, where there is none)?"},
		{"bulk migrate --all", "", "Schedule Delete for those of 2 devices that have an LSC?"},
	} {
		c := atConsole(t, 200, capfProcess(t, dir, strings.Fields(test.line)...))
		shown := c.wait(test.question)
		if !strings.Contains(shown, test.impact) || test.impact == "" && strings.Contains(shown, "impact") {
			t.Errorf("%s:\n%s", test.line, shown)
		}
		c.answer("n\r", "nothing was changed")
		if code := c.code(); code != 1 {
			t.Errorf("%s: exit code %d", test.line, code)
		}
	}
}

// TestLongConsequencesStayOnTheScreen changes a parameter that touches more devices than a
// screen has lines: what has happened does not scroll away.
func TestLongConsequencesStayOnTheScreen(t *testing.T) {
	t.Parallel()
	dir := crowded(t)
	must(t, dir, "bulk", "update", "--all", "--operation", "install", "--yes")
	c := atConsole(t, 80, capfProcess(t, dir, "set", "allow_null_string", "false"))
	shown := c.wait("more: capf device list --auth-mode null-string")
	if !strings.Contains(shown, "allow_null_string is false now") || strings.Count(shown, "\n") > 22 {
		t.Errorf("on the screen:\n%s", shown)
	}
	c.code()
	must(t, dir, "set", "allow_null_string", "true")
	if piped := must(t, dir, "set", "allow_null_string", "false"); strings.Count(piped, "By Null String") < 40 {
		t.Errorf("in a pipe:\n%s", piped)
	}
}
