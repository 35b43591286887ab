package commands

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestProgressOfBulk: work on many devices says on a terminal how far it is.
func TestProgressOfBulk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	must(t, dir, "init", "--organization", "Example")
	check(t, os.WriteFile(filepath.Join(dir, "phones.csv"), []byte("name\nSEP000000000001\nSEP000000000002\nSEP000000000003\n"), 0o600))
	for _, test := range []struct{ line, sign, end string }{
		{"bulk insert phones.csv", "putting in: 1 of 3 rows", "3 rows: 3 added"},
		{"bulk update --all --operation install --yes", "changing: device 1", "job 1: 3 of 3 devices changed"},
	} {
		c := atConsole(t, 100, capfProcess(t, dir, strings.Fields(test.line)...))
		c.wait(test.sign)
		c.wait(test.end)
		if code := c.code(); code != 0 {
			t.Errorf("%s: exit code %d", test.line, code)
		}
	}
}
