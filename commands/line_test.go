package commands

import (
	"errors"
	"strings"
	"testing"

	"capf/commands/internal/cmdline"
	"capf/internal/apperr"
)

func TestParseLine(t *testing.T) {
	t.Parallel()
	tests := []struct {
		argv  string
		path  string
		flags string
		args  string
	}{
		{"capf csr list", "capf csr list", "", ""},
		{"/usr/bin/utils capf csr list", "capf csr list", "", ""},
		{"capf utils capf stale-lsc view", "capf stale-lsc list", "", ""},
		{"capf --db x csr --json list", "capf csr list", "--db=x --json", ""},
		{"capf device show NAME --json --db x", "capf device show", "--json --db=x", "NAME"},
		{"capf device add N --pool P -model=M", "capf device add", "--pool=P --model=M", "N"},
		{"capf device add --pool -x N", "capf device add", "--pool=-x", "N"},
		{"capf device set N --auth-string-file -", "capf device set", "--auth-string-file=-", "N"},
		{"capf cert upload - --purpose capf-trust a.pem", "capf cert upload", "--purpose=capf-trust", "- a.pem"},
		{"capf csr delete 1 --yes -- --json -h", "capf csr delete", "--yes", "1 --json -h"},
		{"capf device show help", "capf device show", "", "help"},
	}
	for _, tt := range tests {
		l, err := cmdline.Parse(tree(nil), strings.Fields(tt.argv))
		if err != nil {
			t.Errorf("%s: %v", tt.argv, err)
			continue
		}
		got := [3]string{l.Name(), strings.Join(l.Flags, " "), strings.Join(l.Args, " ")}
		if want := [3]string{tt.path, tt.flags, tt.args}; got != want || l.Help {
			t.Errorf("%s: %q, want %q", tt.argv, got, want)
		}
	}
}

func TestParseLineHelp(t *testing.T) {
	t.Parallel()
	for argv, path := range map[string]string{
		"capf -h":                         "capf",
		"capf help":                       "capf",
		"capf csr help":                   "capf csr",
		"capf help csr list":              "capf csr list",
		"capf device add --help":          "capf device add",
		"capf device add X Y Z --help":    "capf device add",
		"utils --help":                    "capf",
		"capf utils capf csr list -h":     "capf csr list",
		"capf csr delete --yes --help":    "capf csr delete",
		"capf phone enroll -help --abort": "capf phone enroll",
	} {
		l, err := cmdline.Parse(tree(nil), strings.Fields(argv))
		if err != nil || !l.Help || l.Name() != path {
			t.Errorf("%s: help %v of %s, %v; want that of %s", argv, l.Help, l.Name(), err, path)
		}
	}
}

func TestMisuse(t *testing.T) {
	t.Parallel()
	for _, argv := range []string{
		"capf", "capf csr", "utils", "utils csr list", "capf utils csr list", "capf csr lst", "capf csr list -x",
		"capf csr list x", "capf device show", "capf device show a b", "capf device list --pool", "capf device list --pool --json",
		"capf --pool x device list", "capf --csv status", "capf phone enroll X --db y", "capf init --no-header",
	} {
		_, err := cmdline.Parse(tree(nil), strings.Fields(argv))
		if !errors.Is(err, apperr.ErrUsage) || err.Error() == "" {
			t.Errorf("%s: %v, want a misuse", argv, err)
		}
	}
}

// TestTree holds what every command owes: a line of help, and an example that
// parses as this very command.
func TestTree(t *testing.T) {
	t.Parallel()
	var walk func(path string, c *cmdline.Command)
	walk = func(path string, c *cmdline.Command) {
		if c.Short == "" || strings.HasSuffix(c.Short, ".") {
			t.Errorf("%s: short help %q", path, c.Short)
		}
		seen := map[string]bool{}
		for i := range c.Commands {
			sub := &c.Commands[i]
			for _, name := range append([]string{sub.Name}, sub.Aliases...) {
				if seen[name] {
					t.Errorf("%s: two commands %s", path, name)
				}
				seen[name] = true
			}
			walk(path+" "+sub.Name, sub)
		}
		if c.Commands != nil {
			return
		}
		for _, f := range c.AllFlags() {
			for _, name := range f.Names() {
				if seen[name] {
					t.Errorf("%s: two flags --%s", path, name)
				}
				seen[name] = true
			}
		}
		l, err := cmdline.Parse(tree(nil), strings.Fields(c.Example))
		if err != nil || l.Name() != path {
			t.Errorf("%s: example %q leads to %s, %v", path, c.Example, l.Name(), err)
		}
	}
	walk("capf", tree(nil))
}
