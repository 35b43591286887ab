package commands

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// completing is a house with a shell's script and with both names of the
// program on the PATH.
func completing(t *testing.T, shell, script string) (dir string, environ []string) {
	t.Helper()
	dir = house(t)
	check(t, os.WriteFile(filepath.Join(dir, script), []byte(must(t, dir, "completion", shell)), 0o600))
	self, err := os.Executable()
	check(t, err)
	for _, name := range []string{"capf", "utils"} {
		check(t, os.Symlink(self, filepath.Join(dir, name)))
	}
	return dir, append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "CAPF_DB=capf.db", "HOME="+dir, "XDG_CONFIG_HOME="+dir, "LC_ALL=C.UTF-8", "CAPF_PAGER=")
}

// TestFishCompletion asks the real fish what it proposes, with its words about
// each candidate.
func TestFishCompletion(t *testing.T) {
	t.Parallel()
	dir, environ := completing(t, "fish", "capf.fish")
	must(t, dir, "device", "add", "SEP00112233445A")
	for _, test := range []struct{ line, want string }{
		{"capf csr ", "list\tlist requests, the oldest first|count\tcount requests|show\tshow a request|" +
			"dump\twrite the waiting requests to an archive for a CA|delete\tdelete requests"},
		{"capf stale-lsc v", "view\tlist stale certificates"},
		{"utils capf csr c", "count\tcount requests"},
		{"capf utils capf csr c", "count\tcount requests"},
		{"capf device show SEP", "SEP001122334455\tfront desk|SEP00112233445A"},
		{"capf set tls_min_version ", "1.0|1.1|1.2|1.3"},
		{"capf trust-list add --role ", "ccm|tftp|ccm+tftp|tvs|app-server"},
		{"capf tvs ask --role cc", "ccm|ccm+tftp"},
		{"capf trust-list write --digest ", "sha1|sha512"},
		{"capf trust-list write --signer-version ", "1.0|1.1"},
		{"capf trust-list sast import --as ", "signer|spare"},
		{"capf phone-config show SEP", "SEP001122334455\tfront desk|SEP00112233445A"},
		{"capf trust-list fetch localhost SEP", "SEP001122334455\tfront desk|SEP00112233445A"},
		{"capf device set X --operation ", "none|install|delete|troubleshoot"},
		{"capf csr list --state=i", "--state=issued"},
		{"capf csr list --st", "--state\tpending, issued, superseded, rejected, all (default pending)"},
		{"capf --db nowhere.db device show ", ""},
		{"capf cert upload capf.f", "capf.fish"},
		{"capf nonsense ", ""},
	} {
		fish := exec.CommandContext(t.Context(), "fish", "--no-config", "-c", fmt.Sprintf("source capf.fish; complete -C '%s'", test.line))
		fish.Dir, fish.Env = dir, environ
		out, err := fish.CombinedOutput()
		if got := strings.ReplaceAll(strings.TrimSpace(string(out)), "\n", "|"); err != nil || got != test.want {
			t.Errorf("%s: got %q, want %q (%v)", test.line, got, test.want, err)
		}
	}
}

// TestZshTab presses TAB in an interactive zsh, which finds the script on its
// fpath.
func TestZshTab(t *testing.T) {
	t.Parallel()
	dir, environ := completing(t, "zsh", "_capf")
	check(t, os.WriteFile(filepath.Join(dir, ".zshrc"), []byte(`PS1='ready>'
unsetopt prompt_sp zle_bracketed_paste
fpath=($PWD $fpath)
autoload -Uz compinit
compinit -u -D
`), 0o600))
	zsh := exec.CommandContext(t.Context(), "zsh", "-d", "-i")
	zsh.Dir, zsh.Env = dir, append(environ, "ZDOTDIR="+dir, "TERM=vt100", "CAPF_PAGER=cat")
	c := atConsole(t, 200, zsh)
	c.wait("ready>")
	c.typ("capf csr \t")
	for _, line := range []string{"list ", "-- list requests, the oldest first", "count ", "-- count requests", "dump ", "-- write the waiting requests to an archive for a CA"} {
		c.wait(line)
	}
	c.typ("\x15capf dev\tsh\tSEP\t--js\t\r")
	c.wait(`"name": "SEP001122334455"`)
	c.wait("ready>")
	c.typ("utils capf stale-lsc v\t--no-h\t\r")
	c.wait("no certificate is stale") // and neither word unknown
	c.wait("ready>")
	c.typ("capf set tls_m\t\t\t") // the second one finds what they all begin with
	for _, line := range []string{"1.0", "1.1", "1.2", "1.3"} {
		c.wait(line)
	}
	c.typ("\x15capf csr list --state=iss\t--csv\r")
	c.wait("no request matches")
	c.wait("ready>")
	c.typ("capf cert upload ins\t")
	c.wait("ide.txt")
	c.typ("\x15exit\r")
	if code := c.code(); code != 0 {
		t.Errorf("zsh ends with %d", code)
	}
}

// TestProposedWords asks for the words of values that stand in the database.
func TestProposedWords(t *testing.T) {
	t.Parallel()
	dir := exampleHouse(t)
	must(t, dir, "device", "set", "SEP001122334455", "--pool", "Floor2", "--model", "8861")
	must(t, dir, "template", "add", "softphones", "--operation", "install")
	must(t, dir, "feature-group", "add", "staff", "--template", "softphones")
	must(t, dir, "cert", "upload", "root-ca.pem", "--purpose", "capf-trust")
	must(t, dir, "bulk", "update", "SEP*", "--operation", "install", "--at", "+1d", "--yes")
	for line, want := range map[string]string{
		"device list SEP0011223344":                    "SEP001122334455 SEP00112233446A SEP00112233446B",
		"device list --pool ":                          "Floor2",
		"bulk select --with-pool F":                    "Floor2",
		"device add X --model 8":                       "8861",
		"device list --status upgrade-failed-invalid-": "upgrade-failed-invalid-lsc upgrade-failed-invalid-authentication-string upgrade-failed-invalid-mic upgrade-failed-invalid-credentials",
		"audit list --action template-":                "template-add",
		"csr show ":                                    "1",
		"lsc show a":                                   "ab0000000000000001",
		"lsc revoke A":                                 "ab0000000000000001",
		"stale-lsc delete a":                           "ab0000000000000001 all",
		"lsc list --serial ab":                         "ab0000000000000001",
		"bulk select --lsc-issued-by ":                 "CAPF-12345678",
		"cert show c":                                  "capf",
		"job show ":                                    "1",
		"template show ":                               "softphones",
		"feature-group add x --template s":             "softphones",
		"ldap add x --feature-group ":                  "staff",
		"lsc list --columns ser":                       "serial",
		"lsc list --columns serial,dev":                "serial,device",
		"lsc list --columns=serial,dev":                "serial,device",
		"device set X --clear description,mo":          "description,model",
		"init --country D":                             "DE DJ DK DM DO DZ",
	} {
		code, out := capf(t, dir, append([]string{completionWord, "bash"}, strings.Split(line, " ")...)...)
		if got := strings.Join(strings.Fields(out), " "); code != 0 || got != want {
			t.Errorf("%s: exit code %d, %q, want %q", line, code, got, want)
		}
	}
	if _, out := capf(t, dir, completionWord, "bash", "audit", "list", "--operator", ""); strings.TrimSpace(out) == "" {
		t.Error("no operator is proposed")
	}
}
