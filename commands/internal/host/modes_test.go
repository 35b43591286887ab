package host

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
		{0o660, 0o770, "warning its group may|warning others may put"},
		{0o602, 0o700, "error everybody may change"},
		{0o600, 0o777, "error others may put"},
		{0o600, 0o777 | fs.ModeSticky, "error others may put"},
		{0o644, 0o777, "error others may put|warning others may read"},
	} {
		dir := filepath.Join(t.TempDir(), "d")
		database := filepath.Join(dir, "capf.db")
		check(t, os.Mkdir(dir, 0o700))
		check(t, os.WriteFile(database, nil, 0o600))
		check(t, os.Chmod(database, test.file))
		check(t, os.Chmod(dir, test.folder))
		var got []string
		found := Exposures(database, filepath.Join(dir, "capf.master-key"))
		for _, f := range found {
			_, reason, _ := strings.Cut(f.Text, ": ")
			words := strings.Fields(reason)
			got = append(got, f.Severity()+" "+strings.Join(words[:3], " "))
		}
		if strings.Join(got, "|") != test.want {
			t.Errorf("file %04o, folder %04o: %q, want %q", test.file, test.folder, got, test.want)
		}
		if _, err := SafeModes(database, database); (err != nil) != strings.Contains(test.want, "error") {
			t.Errorf("file %04o, folder %04o: %v", test.file, test.folder, err)
		}
	}
}

// TestModesOfLog: what everybody may change is found behind what others may
// read, and behind a link.
func TestModesOfLog(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	database, link := filepath.Join(dir, "capf.db"), filepath.Join(t.TempDir(), "link.db")
	check(t, os.WriteFile(database, nil, 0o600))
	check(t, os.WriteFile(database+"-wal", nil, 0o600))
	check(t, os.Chmod(database, 0o644))
	check(t, os.Chmod(database+"-wal", 0o666))
	check(t, os.Symlink(database, link))
	for _, path := range []string{database, link} {
		if _, err := SafeModes(path, path); err == nil || !strings.Contains(err.Error(), `capf.db-wal" has the mode 0666: everybody may change it`) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// TestStrangeOwner: a log that somebody has put beside the database is refused;
// the service user's files in his folder are fine to root.
func TestStrangeOwner(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	database := filepath.Join(dir, "capf.db")
	check(t, os.WriteFile(database+"-wal", nil, 0o600))
	user := uint32(os.Geteuid())
	if user == 0 {
		user = 4711
		check(t, os.Chown(database+"-wal", int(user), -1))
	}
	if f := strangeOwner(database, user+1); f == nil || !strings.Contains(f.Text, "belongs to the user") {
		t.Errorf("a stranger's log: %v", f)
	}
	if f := strangeOwner(database, user); f != nil {
		t.Errorf("one's own: %v", f)
	}
	if os.Geteuid() == 0 {
		if f := strangeOwner(database, 0); f == nil {
			t.Error("a stranger's log in root's folder")
		}
		check(t, os.Chown(dir, int(user), -1))
	}
	if f := strangeOwner(database, 0); f != nil {
		t.Errorf("the service user's, to root: %v", f)
	}
}
