package commands

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestBulkGuide runs each line of the guide to devices in number, in its order,
// as somebody would who copies it.
func TestBulkGuide(t *testing.T) {
	t.Parallel()
	guide, err := filepath.Abs("../docs/bulk.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	const script = `env TEST_NOW=2027-01-31T18:00:00Z
exec capf init
mkdir other
exec capf init --db other/capf.db
exec capf cert export capf --db other/capf.db --out issuer.pem
exec capf cert export capf --out ca.pem
exec capf cert export capf --db other/capf.db --out issuers.pem
mkdir certs phones
exec capf device add SEP001122334455 --pool Berlin --model 8861
exec capf device add CSFolga
guide
-- password --
secret
-- floor3.txt --
0011.2233.4455
-- forgotten.txt --
SEP001122334455
-- scrapped.txt --
CSFolga
-- vendor.csv --
MAC ADDRESS,DESCRIPTION,LOCATION,DEVICE POOL,
0000000000A1,SEP0000000000A1,Dallas,DP_1,
-- site.csv --
Telefon;Raum, Haus
0000.0000.00a2;E 12
`
	if err := os.WriteFile(filepath.Join(dir, "guide.txtar"), []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: dir,
		Setup: func(e *testscript.Env) error {
			e.Setenv("CAPF_DB", filepath.Join(e.WorkDir, "capf.db"))
			e.Setenv("TZ", "UTC")
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("GORACE", noRaceSleep)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"guide": func(ts *testscript.TestScript, _ bool, _ []string) { followGuide(ts, guide) },
		},
	})
}

// elsewhere are parts of lines that cannot succeed here, with the exit codes
// that they may have instead: there is no such program, directory or job.
var elsewhere = map[string]string{
	"--apply-config": "5", "ldap sync": "1", "job cancel 1": "4", "job show 1 --strings-file": "4",
}

func followGuide(ts *testscript.TestScript, guide string) {
	text, err := os.ReadFile(guide)
	ts.Check(err)
	lines := 0
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "capf ") {
			continue
		}
		lines++
		want := "0"
		for part, code := range elsewhere {
			if strings.Contains(line, part) {
				want = code
			}
		}
		code := "0"
		if err := ts.Exec("sh", "-c", line); err != nil {
			code = strings.TrimPrefix(err.Error(), "exit status ")
		}
		if code != want {
			ts.Fatalf("%s\nexit code %s, want %s", line, code, want)
		}
	}
	if lines < 30 {
		ts.Fatalf("the guide has only %d commands", lines)
	}
}

// TestDocumentsAreFresh finds generated documents that are not those of the tree.
func TestDocumentsAreFresh(t *testing.T) {
	t.Parallel()
	fresh := t.TempDir()
	if err := WriteDocuments(fresh); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(fresh, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, _ := filepath.Rel(fresh, path)
		want, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if got, err := os.ReadFile(filepath.Join("../docs", name)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("docs/%s is stale (%v): make docs", name, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
