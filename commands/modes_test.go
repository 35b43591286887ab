package commands

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestModes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		file, folder fs.FileMode
		want         string
	}{
		{0o600, 0o700, ""},
		{0o600, 0o755, ""},
		{0o640, 0o700, "warning others may read"},
		{0o604, 0o700, "warning others may read"},
		{0o660, 0o770, "warning others may read|warning others may put"},
		{0o602, 0o700, "error everybody may change"},
		{0o600, 0o777, "error others may put"},
		{0o600, 0o777 | fs.ModeSticky, ""},
		{0o644, 0o777, "error others may put|warning others may read"},
	} {
		dir := filepath.Join(t.TempDir(), "d")
		database := filepath.Join(dir, "capf.db")
		check(t, os.Mkdir(dir, 0o700))
		check(t, os.WriteFile(database, nil, 0o600))
		check(t, os.Chmod(database, test.file))
		check(t, os.Chmod(dir, test.folder))
		var got []string
		found := modeFindings(database, filepath.Join(dir, "capf.master-key"))
		for _, f := range found {
			_, reason, _ := strings.Cut(f.Text, ": ")
			words := strings.Fields(reason)
			got = append(got, f.Severity+" "+strings.Join(words[:3], " "))
		}
		if strings.Join(got, "|") != test.want {
			t.Errorf("file %04o, folder %04o: %q, want %q", test.file, test.folder, got, test.want)
		}
		if _, err := safeModes(database, database); (err != nil) != strings.Contains(test.want, "error") {
			t.Errorf("file %04o, folder %04o: %v", test.file, test.folder, err)
		}
	}
}

// TestServeRefusesOpenFiles starts serve where everybody may change the
// database.
func TestServeRefusesOpenFiles(t *testing.T) {
	t.Parallel()
	dir := house(t)
	check(t, os.Chmod(filepath.Join(dir, "capf.db"), 0o666))
	code, out := capf(t, dir, "serve", "--listen", "127.0.0.1:0")
	if code != 4 || !strings.Contains(out, "has the mode 0666: everybody may change it") || !strings.Contains(out, "hint: chmod 600 ") {
		t.Errorf("exit code %d\n%s", code, out)
	}
	if code, out := capf(t, dir, "status"); code != 0 || !strings.Contains(out, "everybody may change it") {
		t.Errorf("status: exit code %d\n%s", code, out)
	}
}
