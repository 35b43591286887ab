package commands

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestBashCompletion asks the real bash what the script proposes.
func TestBashCompletion(t *testing.T) {
	t.Parallel()
	dir := house(t)
	script := filepath.Join(dir, "capf.bash")
	check(t, os.WriteFile(script, []byte(must(t, dir, "completion", "bash")), 0o600))
	self, err := os.Executable()
	check(t, err)
	for _, name := range []string{"capf", "utils"} {
		check(t, os.Symlink(self, filepath.Join(dir, name)))
	}
	for _, test := range []struct {
		words string // as bash takes the line apart; the last one is being typed, ∅ not begun
		want  string
	}{
		{"capf sta", "status stale-lsc"},
		{"capf csr ∅", "list count show dump delete"},
		{"capf utils capf stale-lsc v", "view"},
		{"utils capf csr c", "count"},
		{"capf device show SEP", "SEP001122334455"},
		{"capf device show sep0", "SEP001122334455"},
		{"capf device show SEP9", ""},
		{"capf device show x ∅", ""},
		{"capf set keep", "keep_alive"},
		{"capf set tls_min_version ∅", "1.0 1.1 1.2 1.3"},
		{"capf set keep_alive ∅", "15"},
		{"capf device set X --operation ∅", "none install delete troubleshoot"},
		{"capf device set X --operation = i", "install"},
		{"capf device set X --operation = ∅", "none install delete troubleshoot"},
		{"capf csr list --st", "--state"},
		{"capf csr list --state pending --js", "--json"},
		{"capf cert upload --purpose callm", "callmanager-trust"},
		{"capf cert upload ∅", "files"},
		{"capf cert upload --description x y --purpose capf-trust ∅", "files"},
		{"capf cert export capf --out ∅", "files"},
		{"capf cert show c", "capf"},
		{"capf service restart e", "enrollment"},
		{"capf completion ∅", "bash zsh fish"},
		{"capf --db nowhere.db device show ∅", ""},
		{"capf nonsense ∅", ""},
		{"capf device show -- --j", ""},
	} {
		var quoted []string
		for _, w := range strings.Fields(test.words) {
			quoted = append(quoted, "'"+strings.TrimPrefix(w, "∅")+"'")
		}
		bash := exec.CommandContext(t.Context(), "bash", "--norc", "-c", fmt.Sprintf(
			`compopt() { COMPREPLY+=(files); }; source capf.bash; COMP_WORDS=(%s); COMP_CWORD=%d; _capf; echo "${COMPREPLY[*]}"`,
			strings.Join(quoted, " "), len(quoted)-1))
		bash.Dir = dir
		bash.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "CAPF_DB=capf.db")
		out, err := bash.CombinedOutput()
		if got := strings.TrimSpace(string(out)); err != nil || got != test.want {
			t.Errorf("%s: got %q, want %q (%v)", test.words, got, test.want, err)
		}
	}
}

// TestBashTab presses TAB in an interactive bash.
func TestBashTab(t *testing.T) {
	t.Parallel()
	dir := house(t)
	check(t, os.WriteFile(filepath.Join(dir, "capf.bash"), []byte(must(t, dir, "completion", "bash")), 0o600))
	self, err := os.Executable()
	check(t, err)
	check(t, os.Symlink(self, filepath.Join(dir, "capf")))
	bash := exec.CommandContext(t.Context(), "bash", "--norc", "--noprofile", "-i")
	bash.Dir = dir
	bash.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "CAPF_DB=capf.db", "PS1=ready>", "TERM=dumb", "INPUTRC=/dev/null")
	c := atConsole(t, 200, bash)
	c.wait("ready>")
	c.typ("source capf.bash\r")
	c.wait("ready>")
	c.typ("capf dev\tsh\tSEP\t--cs\b\b\b\b--js\t\r")
	c.wait(`"name": "SEP001122334455"`)
	c.wait("ready>")
	c.typ("capf set --js\t tls_m\t1.3\r")
	c.wait(`"value": "1.3"`)
	c.wait("ready>")
	c.typ("capf csr list --state=iss\t--csv; echo done\r")
	c.wait("--state=issued --csv")
	c.wait("ready>")
	c.typ("capf cert upload ins\t")
	c.wait("inside.txt ")
	c.typ("\x03")
	c.wait("ready>")
	c.typ("exit\r")
	if code := c.code(); code != 130 && code != 0 { // that of the line thrown away
		t.Errorf("bash ends with %d", code)
	}
}
