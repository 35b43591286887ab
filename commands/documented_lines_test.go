package commands

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"capf/commands/internal/cmdline"
)

// onlyRead are the beginnings of documented lines that need something which is not
// here: a phone's server, a CA or a directory that answers, what such a one has made, a
// terminal. Other tests carry them out. Here they only have to be lines that can be read.
var onlyRead = []string{
	"capf phone-config merge /srv", "capf phone-config sign /srv", "capf phone-config encrypt /srv",
	"capf serve", "capf phone ", "capf trust-list fetch cucm", "capf online-ca test", "capf ldap add people", "capf ldap sync people",
	"capf cert upload capf.pem ", "capf offline import signed", "capf device migrate SEP001122334455 --from",
	"capf restore FILE", "capf notify test", "capf cert export capf > capf.pem &&", "capf set online_ca_password",
	"capf cert check --online", "capf cert upload root.pem", "capf set online_ca_client_certificate", "capf backup /srv/",
}

// documentedCodes are the exit codes of lines that say no, find something, or name what
// is not here, by their beginnings.
var documentedCodes = []struct {
	line string
	code int
}{
	{"capf check", 1}, // what the house is seeded with does not stand it
	{"capf status --json | jq -e", 1},
	{"capf device diagnose SEP001122334466", 3},
	{"capf lsc revoke 4f3c", 3}, {"capf lsc release 4f3c", 3}, {"capf approval list ; capf approval approve 7", 3},
	{"capf device add SEP001122334455", 4}, // the house may have the device with other settings
	{"capf job show 1 --strings-file", 4}, {"capf job cancel 1", 4},
	{"capf trust-list delete 2", 3}, {"capf trust-list write --out /srv/", 3},
}

// documentedCode reports whether a line may exit with the code. One that asks for consent
// is for a terminal, and one that reads a file is for a reader who has it.
func documentedCode(line string, code int, out string) bool {
	switch {
	case code == 0, code == 2 && strings.Contains(out, "capf: consent to "):
		return true
	case strings.Contains(out, "reading \"") && (strings.Contains(out, "no such file or directory") || strings.Contains(out, "it is empty") || strings.Contains(out, "it names no device")):
		return true
	}
	for _, d := range documentedCodes {
		if strings.HasPrefix(line, d.line) && code == d.code {
			return true
		}
	}
	return false
}

// TestDocumentedLines carries out the lines of the guides, page by page, on a database
// with devices, requests and certificates.
func TestDocumentedLines(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob("../docs/*.md")
	check(t, err)
	for _, page := range append(pages, "../README.md") {
		switch filepath.Base(page) {
		case "reference.md", "developing.md", "benchmarks.md": // generated; not for operators
			continue
		}
		t.Run(filepath.Base(page), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(page)
			check(t, err)
			sh := guideShell(t)
			for _, line := range documentedLines(string(text)) {
				if code, out := sh(line); !documentedCode(line, code, out) {
					t.Errorf("%s: exit code %d\n%s", line, code, out)
				}
			}
		})
	}
}

// documentedLines are the command lines in the blocks of a page, without what a column
// beside them says, and without the words of output.
func documentedLines(text string) (lines []string) {
	for _, block := range regexp.MustCompile("(?s)\n```[a-z]*\n(.*?)\n```").FindAllStringSubmatch(text, -1) {
		for _, line := range strings.Split(strings.ReplaceAll(block[1], "\\\n", ""), "\n") {
			line = strings.TrimPrefix(line, "$ ")
			if line, _, _ = strings.Cut(line, "  "); strings.HasPrefix(line, "capf ") {
				lines = append(lines, strings.TrimSpace(line))
			}
		}
	}
	return lines
}

// guideShell carries out lines as a system shell does, in a house with the files that
// guides name. Lines that have a word in capitals instead of a value, or need another
// machine, are only read.
func guideShell(t *testing.T) func(line string) (code int, out string) {
	t.Helper()
	dir := exampleHouse(t)
	for name, from := range map[string]string{"ca.pem": "root-ca.pem", "ca/chain.pem": "root-ca.pem"} {
		check(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700))
		run(t, "cp", filepath.Join(dir, from), filepath.Join(dir, name))
	}
	for _, name := range []string{"floor3.txt", "forgotten.txt"} {
		check(t, os.WriteFile(filepath.Join(dir, name), []byte("SEP001122334455\n"), 0o600))
	}
	must(t, dir, "bulk", "update", "SEP*", "--operation", "install", "--yes") // job 1
	self, err := os.Executable()
	check(t, err)
	for _, name := range []string{"bin", "certs"} {
		check(t, os.Mkdir(filepath.Join(dir, name), 0o700))
	}
	check(t, os.Symlink(self, filepath.Join(dir, "bin", "capf")))
	placeholder := regexp.MustCompile(`(^|[ =])[A-Z]{2,}( |$)`)
	return func(line string) (int, string) {
		only := placeholder.MatchString(line)
		for _, begin := range onlyRead {
			only = only || strings.HasPrefix(line, begin)
		}
		only = only || strings.Contains(line, "| ssh ")
		if only {
			if _, err := cmdline.Parse(tree(nil), exampleWords(line)); err != nil && !strings.ContainsAny(line, "|;&<>$") {
				return 2, err.Error()
			}
			return 0, ""
		}
		sh := exec.CommandContext(t.Context(), "sh", "-c", line)
		sh.Dir = dir
		sh.Env = append(os.Environ(), "CAPF_DB=capf.db", "HOME="+dir, "TZ=UTC", "CAPF_PAGER=", "PATH="+filepath.Join(dir, "bin")+":"+os.Getenv("PATH"))
		out, _ := sh.CombinedOutput()
		return sh.ProcessState.ExitCode(), string(out)
	}
}
