package commands

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"capf/internal/document"
)

// TestCIGuide carries out what docs/ci.md shows: its documents, and the steps of its
// GitHub job, which a shell runs.
func TestCIGuide(t *testing.T) {
	t.Parallel()
	dir := house(t)
	page, err := os.ReadFile("../docs/ci.md")
	check(t, err)
	blocks := map[string]string{} // by the file that the first line names
	for part := range strings.SplitSeq(string(page), "```yaml\n") {
		text, _, _ := strings.Cut(part, "\n```\n")
		if name, is := strings.CutPrefix(text, "# "); is && !strings.HasPrefix(part, "# Desired") {
			name, _, _ = strings.Cut(name, "\n")
			blocks[name] = text + "\n"
		}
	}
	for _, name := range []string{"trust/trust.yaml", "phones.yaml", "parameters.yaml", ".github/workflows/capf.yml", ".gitlab-ci.yml"} {
		if _, err := document.Read([]byte(blocks[name])); err != nil {
			t.Errorf("%s: %v\n%s", name, err, blocks[name])
		}
	}
	check(t, os.Mkdir(filepath.Join(dir, "trust"), 0o700))
	writeRoots(t, filepath.Join(dir, "trust"), "Company", "Maker")
	root, err := os.ReadFile(filepath.Join(dir, "trust", "root1.pem"))
	check(t, err)
	check(t, os.Rename(filepath.Join(dir, "trust", "root0.pem"), filepath.Join(dir, "trust", "company-root.pem")))
	before, _, _ := strings.Cut(blocks["trust/trust.yaml"], "      -----BEGIN")
	blocks["trust/trust.yaml"] = before + "      " + strings.ReplaceAll(strings.TrimSpace(string(root)), "\n", "\n      ") + "\n"
	blocks["parameters.yaml"] = strings.ReplaceAll(blocks["parameters.yaml"], "/run/secrets/ca-password", "ca-password")
	check(t, os.WriteFile(filepath.Join(dir, "ca-password"), []byte("secret\n"), 0o600))
	for _, name := range []string{"trust/trust.yaml", "phones.yaml", "parameters.yaml"} {
		check(t, os.WriteFile(filepath.Join(dir, name), []byte(blocks[name]), 0o600))
	}
	self, err := os.Executable()
	check(t, err)
	check(t, os.Symlink(self, filepath.Join(dir, "capf")))
	step := func(name string) string {
		_, text, _ := strings.Cut(blocks[".github/workflows/capf.yml"], "- name: "+name+"\n")
		_, text, found := strings.Cut(text, "run: |\n")
		text, _, _ = strings.Cut(text, "      - name:")
		if !found {
			t.Fatalf("the job has no step %q", name)
		}
		cmd := exec.CommandContext(t.Context(), "bash", "-eo", "pipefail", "-c", text)
		cmd.Dir = dir
		cmd.Env = []string{"PATH=" + dir + ":" + os.Getenv("PATH"), "CAPF_DB=capf.db", "GITHUB_STEP_SUMMARY=summary.md"}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
		summary, err := os.ReadFile(filepath.Join(dir, "summary.md"))
		check(t, err)
		return string(summary)
	}
	diff := step("what would change")
	for _, want := range []string{"+ capf-trust: CN=Company", "+ capf-trust: CN=Maker  for=mic", "~ SEP001122334455  ", "+ CSFANNA", "~ keep_alive  value: 15 -> 20", "~ online_ca_password  value (secret)"} {
		if !strings.Contains(diff, want) {
			t.Errorf("the summary has no %q:\n%s", want, diff)
		}
	}
	step("change it")
	check(t, os.Remove(filepath.Join(dir, "summary.md")))
	if again := step("what would change"); again != "```diff\n```\n" {
		t.Errorf("afterwards the job still finds\n%s", again)
	}
}
