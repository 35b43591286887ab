package store

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// replacements are what hands other than ours do to the file under an open
// database; each gets a backup that was made before the last change.
var replacements = map[string]struct {
	do   func(t *testing.T, path, backup string)
	word string
}{
	"moved away, and a copy put in": {func(t *testing.T, path, backup string) {
		must(t, os.Rename(path, path+".old"))
		copyInto(t, path, backup)
	}, "another file has taken the place of"},
	"moved away": {func(t *testing.T, path, _ string) { must(t, os.Rename(path, path+".old")) }, "was moved away or removed"},
	"moved away with its log": {func(t *testing.T, path, _ string) {
		for _, f := range Files(path)[:3] {
			must(t, os.Rename(f, strings.Replace(f, path, path+".old", 1)))
		}
	}, "was moved away or removed"},
	"a copy moved over it": {func(t *testing.T, path, backup string) {
		must(t, os.Link(path, path+".old"))
		must(t, os.Rename(backup, path))
	}, "another file has taken the place of"},
	"a copy written into it":       {func(t *testing.T, path, backup string) { copyInto(t, path, backup) }, "another database was copied into"},
	"a copy by cp written into it": {func(t *testing.T, path, _ string) { copyInto(t, path, path+".cp") }, "another database was copied into"},
	"its log removed": {func(t *testing.T, path, _ string) {
		must(t, os.Link(path, path+".old"))
		must(t, os.Remove(path+"-wal"))
	}, "-wal\" was moved away or removed"},
}

// copyInto is cp: a file that this process closed would take the locks of its
// SQLite along.
func copyInto(t *testing.T, path, from string) {
	t.Helper()
	if out, err := exec.Command("cp", from, path).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// TestReplaced: a change is not confirmed into a file that has gone, what was
// confirmed before stands in the old file, and the new one is what it was.
func TestReplaced(t *testing.T) {
	t.Parallel()
	for name, r := range replacements {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := newStore(t)
			path, backup := s.Path(), filepath.Join(t.TempDir(), "backup.db")
			d := addDevice(t, s, "SEP000000000001")
			l := issue(t, s, d)
			byHand(t, path, "PRAGMA wal_checkpoint(TRUNCATE)")
			copyInto(t, path+".cp", path)
			_, err := s.Backup(t.Context(), backup, nil, nil)
			must(t, err)
			addDevice(t, s, "SEP000000000002")
			byHand(t, path, "PRAGMA wal_checkpoint(TRUNCATE)")
			must(t, s.Present())

			r.do(t, path, backup)
			err = s.MarkInstalled(t.Context(), phone(d.Name), l.ID, d.Schedule)
			wantErr(t, err, ErrReplaced)
			if !strings.Contains(err.Error(), r.word) {
				t.Errorf("the error is %v, want %q in it", err, r.word)
			}
			wantErr(t, s.Present(), ErrReplaced)
			must(t, s.Close())

			if _, err := os.Stat(path + ".old"); err == nil {
				if got := byHand(t, path+".old", "SELECT group_concat(name) FROM devices"); got != "SEP000000000001,SEP000000000002\n" {
					t.Errorf("the old file has the devices %q", got)
				}
			}
			if _, err := os.Stat(path); err == nil && !strings.HasPrefix(name, "its log") {
				if got := byHand(t, path, "PRAGMA integrity_check; SELECT group_concat(name) FROM devices"); got != "ok\nSEP000000000001\n" {
					t.Errorf("the new file has %q", got)
				}
			}
		})
	}
}

// TestReplacedInBetween: the file goes after a change has been written and
// before it is confirmed.
func TestReplacedInBetween(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	addDevice(t, s, "SEP000000000001")
	err := s.change(t.Context(), func(*tx) error { return os.Rename(s.Path(), s.Path()+".old") })
	wantErr(t, err, ErrReplaced)
}

// TestPresent: nothing that is done to a database in use passes for another one.
func TestPresent(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	addDevice(t, s, "SEP000000000001")
	for _, sql := range []string{
		"PRAGMA wal_checkpoint(TRUNCATE)", "CREATE INDEX more ON devices (model)", "PRAGMA wal_checkpoint(TRUNCATE)", "VACUUM",
		"PRAGMA wal_checkpoint(TRUNCATE)", "PRAGMA user_version = 10000", "PRAGMA wal_checkpoint(TRUNCATE)",
	} {
		byHand(t, s.Path(), sql)
		must(t, s.Present())
	}
	_, err := s.Backup(t.Context(), filepath.Join(t.TempDir(), "backup.db"), nil, nil)
	must(t, err)
	must(t, s.Present())
	addDevice(t, s, "SEP000000000002")
}
