package commands

import (
	"errors"
	"strings"
	"testing"

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
		l, err := parseLine(tree(nil), strings.Fields(tt.argv))
		if err != nil {
			t.Errorf("%s: %v", tt.argv, err)
			continue
		}
		got := [3]string{l.name(), strings.Join(l.flags, " "), strings.Join(l.args, " ")}
		if want := [3]string{tt.path, tt.flags, tt.args}; got != want || l.help {
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
		l, err := parseLine(tree(nil), strings.Fields(argv))
		if err != nil || !l.help || l.name() != path {
			t.Errorf("%s: help %v of %s, %v; want that of %s", argv, l.help, l.name(), err, path)
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
		_, err := parseLine(tree(nil), strings.Fields(argv))
		if !errors.Is(err, apperr.ErrUsage) || err.Error() == "" {
			t.Errorf("%s: %v, want a misuse", argv, err)
		}
	}
}

// TestTree holds what every command owes: a line of help, and an example that
// parses as this very command.
func TestTree(t *testing.T) {
	t.Parallel()
	var walk func(path string, c *command)
	walk = func(path string, c *command) {
		if c.short == "" || strings.HasSuffix(c.short, ".") {
			t.Errorf("%s: short help %q", path, c.short)
		}
		seen := map[string]bool{}
		for i := range c.commands {
			sub := &c.commands[i]
			for _, name := range append([]string{sub.name}, sub.aliases...) {
				if seen[name] {
					t.Errorf("%s: two commands %s", path, name)
				}
				seen[name] = true
			}
			walk(path+" "+sub.name, sub)
		}
		if c.commands != nil {
			return
		}
		for _, f := range c.allFlags() {
			for _, name := range f.Names() {
				if seen[name] {
					t.Errorf("%s: two flags --%s", path, name)
				}
				seen[name] = true
			}
		}
		l, err := parseLine(tree(nil), strings.Fields(c.example))
		if err != nil || l.name() != path {
			t.Errorf("%s: example %q leads to %s, %v", path, c.example, l.name(), err)
		}
	}
	walk("capf", tree(nil))
}

func TestArity(t *testing.T) {
	t.Parallel()
	for args, want := range map[string][2]int{
		"": {0, 0}, "NAME": {1, 1}, "PARAMETER [VALUE]": {1, 2}, "[PATTERN]": {0, 1},
		"FILE...": {1, many}, "ID...|all": {1, many}, "[SERIAL...|all]": {0, many},
	} {
		c := command{args: args}
		if least, most := c.arity(); [2]int{least, most} != want {
			t.Errorf("%q: %d to %d, want %v", args, least, most, want)
		}
	}
}

func TestDidYouMean(t *testing.T) {
	t.Parallel()
	known := []string{"list", "show", "delete", "stale-lsc", "--json"}
	for word, want := range map[string]string{
		"lsit": `did you mean "list"?`, "lst": `did you mean "list"?`, "DELETE": `did you mean "delete"?`,
		"stale": `did you mean "stale-lsc"?`, "--jsno": `did you mean "--json"?`, "enroll": "otherwise", "": "otherwise",
	} {
		if got := didYouMean(word, known, "otherwise"); got != want {
			t.Errorf("%q: %s, want %s", word, got, want)
		}
	}
}
