package commands

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"capf/enroll/server"
)

// TestAlerts has Prometheus' own program judge the alerts, and hold them against what
// they should say of some series.
func TestAlerts(t *testing.T) {
	t.Parallel()
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Fatal("promtool is missing; scripts/need.sh promtool installs it")
	}
	for _, args := range [][]string{{"check", "rules", "--lint-fatal", "capf-alerts.yml"}, {"test", "rules", "capf-alerts-test.yml"}} {
		cmd := exec.CommandContext(t.Context(), promtool, args...)
		cmd.Dir = "../scripts"
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}

var (
	ruleExpr  = regexp.MustCompile(`(?m)^ +expr: (.+)$`)
	ruleLabel = regexp.MustCompile(`\b(outcome|kind|reason|left)(?:=|=~|!~)"([^"]+)"`)
	capfName  = regexp.MustCompile(`\bcapf_[a-z_]+\b`)
)

// TestAlertsAskForWhatThereIs: a real serve shows each metric that an alert asks for,
// with the words that it asks for.
func TestAlertsAskForWhatThereIs(t *testing.T) {
	t.Parallel()
	rules, err := os.ReadFile("../scripts/capf-alerts.yml")
	check(t, err)
	var names []string
	labels := map[string][]string{}
	for _, m := range ruleExpr.FindAllStringSubmatch(string(rules), -1) {
		names = append(names, capfName.FindAllString(m[1], -1)...)
		for _, l := range ruleLabel.FindAllStringSubmatch(m[1], -1) {
			labels[l[1]] = append(labels[l[1]], strings.Split(l[2], "|")...)
		}
	}
	if len(names) < 20 {
		t.Fatalf("the alerts ask for %v only", names)
	}
	page := pageOfServe(t, names)
	words := map[string][]string{"outcome": append(server.Outcomes(), "failed"), "reason": server.Refusals(), "kind": findingKinds(t)}
	for _, m := range regexp.MustCompile(`left="([^"]+)"`).FindAllStringSubmatch(page, -1) {
		words["left"] = append(words["left"], m[1])
	}
	for label, asked := range labels {
		for _, word := range asked {
			whole := regexp.MustCompile("^(?:" + word + ")$")
			if !slices.ContainsFunc(words[label], whole.MatchString) {
				t.Errorf("an alert asks for the %s %q, which there is not", label, word)
			}
		}
	}
}

// pageOfServe has a serve find something, and returns the page of its metrics, on which
// all of the names have to be. A serve that has answered notify test has looked before.
func pageOfServe(t *testing.T, names []string) string {
	t.Helper()
	dir := house(t)
	must(t, dir, "set", "notify_command", "/bin/true")
	c, address, _ := servedMetrics(t, dir, "--listen", "127.0.0.1:0")
	must(t, dir, "service", "deactivate", "capf")
	must(t, dir, "notify", "test")
	page := fetched(t, address)
	check(t, c.Process.Signal(os.Interrupt))
	check(t, c.Wait())
	for _, name := range names {
		if !strings.Contains(page, "\n"+name+" ") && !strings.Contains(page, "\n"+name+"{") {
			t.Errorf("an alert asks for %q, which is not on the page\n%s", name, page)
		}
	}
	return page
}

// findingKinds are the kinds of findings, from the source.
func findingKinds(t *testing.T) (kinds []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../enroll/health/findings.go", nil, 0)
	check(t, err)
	ast.Inspect(file, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok || len(v.Values) != 1 {
			return true
		}
		if kind, ok := v.Type.(*ast.Ident); ok && kind.Name == "Kind" {
			word, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
			check(t, err)
			kinds = append(kinds, word)
		}
		return true
	})
	if len(kinds) < 20 {
		t.Fatalf("the kinds are %v only", kinds)
	}
	return kinds
}

// TestKindsAreDocumented: programs rely on the kinds of findings, so operating.md has
// each of them, and no other.
func TestKindsAreDocumented(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../docs/operating.md")
	check(t, err)
	_, section, _ := strings.Cut(string(guide), "\n## What status finds\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var documented []string
	for _, m := range regexp.MustCompile("(?m)^\\| (`[^|]+) \\|").FindAllStringSubmatch(section, -1) {
		for word := range strings.SplitSeq(m[1], ", ") {
			documented = append(documented, strings.Trim(word, "`"))
		}
	}
	kinds := findingKinds(t)
	for _, kind := range kinds {
		if !slices.Contains(documented, kind) {
			t.Errorf("docs/operating.md does not explain the finding %s", kind)
		}
	}
	for _, kind := range documented {
		if !slices.Contains(kinds, kind) {
			t.Errorf("docs/operating.md explains the finding %s, which there is not", kind)
		}
	}
}
