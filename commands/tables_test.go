package commands

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/ptytest"
	"capf/commands/internal/term"
	"capf/store"
)

// TestTablesFit has lists of 200 rows at terminals of different widths.
func TestTablesFit(t *testing.T) {
	t.Parallel()
	dir := crowded(t)
	for _, tt := range []struct {
		columns  int
		line     string
		headings string // with one blank between two
		said     string
	}{
		{80, "csr list", "ID Device Received Key Issuer State", "1 column left out; --wide shows all"},
		{120, "csr list", "ID Device Received Key Issuer State Possession proved", ""},
		{80, "device list", "Name Model Pool Operation Status", "3 columns left out; --wide shows all"},
		{120, "device list", "Name Model Pool Operation Authentication Completes by Status", "1 column left out; --wide shows all"},
		{200, "device list", "Name Description Model Pool Operation Authentication Completes by Status", ""},
		{80, "device list --columns status,Description,name", "Status Description Name", ""},
		{30, "device list --columns status,name", "Status Name", ""},
	} {
		lines := tableAt(t, dir, tt.columns, tt.line)
		for _, line := range lines {
			if width := term.Width(line); width > tt.columns {
				t.Errorf("%s at %d columns: %d are taken by %q", tt.line, tt.columns, width, line)
			}
		}
		if got := strings.Join(strings.Fields(lines[0]), " "); got != tt.headings {
			t.Errorf("%s at %d columns: headings %q, want %q", tt.line, tt.columns, got, tt.headings)
		}
		rest := strings.Join(lines[201:], "\n")
		if rest != tt.said {
			t.Errorf("%s at %d columns: said %q, want %q", tt.line, tt.columns, rest, tt.said)
		}
	}
}

// TestTablesAreNotCut has what asks for all of a list, however narrow the terminal is.
func TestTablesAreNotCut(t *testing.T) {
	t.Parallel()
	dir := crowded(t)
	const whole = "In the attic, behind the second door on the left: 屋根裏"
	for _, line := range []string{"device list --wide", "device list --csv", "device list --json"} {
		if text := strings.Join(tableAt(t, dir, 80, line), "\n"); strings.Count(text, whole) != 200 || strings.Contains(text, "left out") {
			t.Errorf("%s at a terminal is not whole:\n%.600s", line, text)
		}
	}
	piped := must(t, dir, "device", "list")
	if strings.Count(piped, whole) != 200 || strings.Contains(piped, "left out") {
		t.Errorf("a table in a pipe is not whole:\n%.600s", piped)
	}
	wide, _, _ := strings.Cut(must(t, dir, "device", "list", "--wide"), "\n")
	if want := "Name Description Model Pool Device security mode IP mode Operation Authentication Key order RSA key size EC key size Completes by Status Changed"; !strings.HasPrefix(strings.Join(strings.Fields(wide), " "), want) {
		t.Errorf("headings of a wide table %q, want %q", wide, want)
	}
}

// TestEllipsis has the sign for what is cut in letters that the locale has.
func TestEllipsis(t *testing.T) {
	t.Parallel()
	dir := crowded(t)
	for locale, want := range map[string]string{"C": "In the attic...", "C.UTF-8": "In the attic, …", "de_DE.utf8": "In the attic, …"} {
		lines := tableAt(t, dir, 32, "device list --columns description,name", "LC_ALL="+locale)
		if !strings.HasPrefix(lines[1], want) {
			t.Errorf("LC_ALL=%s: %q does not begin with %q", locale, lines[1], want)
		}
	}
	lines := tableAt(t, dir, 80, "device list --columns description,name", "COLUMNS=32")
	if !strings.HasPrefix(lines[1], "In the attic, …") {
		t.Errorf("COLUMNS=32 at 80 columns: %q", lines[1])
	}
}

// tableAt runs a command at a terminal of so many columns, and returns what is shown.
func tableAt(t *testing.T, dir string, columns int, line string, environ ...string) []string {
	t.Helper()
	cmd := capfProcess(t, dir, strings.Fields(line)...)
	cmd.Env = append(append(cmd.Env, "CAPF_PAGER=", "LC_ALL=C.UTF-8"), environ...)
	return shownAt(t, columns, cmd)
}

func shownAt(t *testing.T, columns int, cmd *exec.Cmd) []string {
	t.Helper()
	c := atConsole(t, columns, cmd)
	if code := c.code(); code != 0 {
		t.Fatalf("exit code %d:\n%s", code, c.screen())
	}
	return strings.Split(strings.TrimRight(c.screen(), "\n"), "\n")
}

// crowded is a folder with a database of 200 devices, whose requests wait.
func crowded(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	must(t, dir, "init", "--organization", "Example")
	ctx := context.Background()
	s, err := store.Open(ctx, dir+"/capf.db", store.Options{Now: func() time.Time { return seedTime }})
	check(t, err)
	defer s.Close()
	for i := range 200 {
		name := fmt.Sprintf("SEP%012X", i)
		check(t, seedDevice(ctx, s, "pending", name, i))
	}
	must(t, dir, "bulk", "update", "--all", "--description", "In the attic, behind the second door on the left: 屋根裏",
		"--model", "8861", "--pool", "Berlin-Mitte", "--yes")
	return dir
}

// TestColumnsCanBeChosen holds that every list declares its columns.
func TestColumnsCanBeChosen(t *testing.T) {
	t.Parallel()
	several := []string{"capf bulk update", "capf bulk delete", "capf bulk migrate"} // what it prints depends on what it does
	for _, l := range cmdline.Leaves(tree(nil), "capf") {
		if l.Output == cmdline.List && l.Columns == nil && !slices.Contains(several, l.Name) {
			t.Errorf("%s is a list without Columns", l.Name)
		}
		keys := map[string]bool{}
		for _, h := range l.Columns {
			if keys[h.Key] {
				t.Errorf("%s has two columns %s", l.Name, h.Key)
			}
			keys[h.Key] = true
		}
	}
}

// TestTablesFollowTheWindow has a session in a window that is made wider, and a terminal
// of which nothing is known.
func TestTablesFollowTheWindow(t *testing.T) {
	t.Parallel()
	dir := crowded(t)
	c := atConsole(t, 80, capfProcess(t, dir, "shell"))
	c.wait("admin:")
	c.typ("device list SEP00000000000*\r")
	c.wait("3 columns left out")
	c.wait("admin:")
	ptytest.Resize(t, c.master, 200)
	c.typ("device list SEP00000000000*\r")
	if shown := c.wait("SEP00000000000F"); !strings.Contains(shown, "Completes by") || strings.Contains(shown, "left out") {
		t.Errorf("in a wider window:\n%s", shown)
	}
	c.typ("quit\r")
	c.code()
	bare := capfProcess(t, dir, "device", "list")
	bare.Env = []string{"CAPF_DB=capf.db", "GORACE=" + noRaceSleep}
	lines := shownAt(t, 100, bare) // 24 lines, and no pager: the terminal has no name
	if len(lines) != 202 || !strings.HasSuffix(lines[201], "left out; --wide shows all") {
		t.Errorf("without an environment: %d lines, the last %q", len(lines), lines[len(lines)-1])
	}
}
