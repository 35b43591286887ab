package files

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// besideTheDoor are the files of commands that may reach the file system by name: what
// they touch is no file that an operator names in capf shell.
var besideTheDoor = []string{
	"internal/files/files.go", "internal/files/folder.go", "internal/files/write.go", // the doors themselves
	"backup.go",                                                      // what a dry look at a target tells
	"documents.go", "master_key_rotate.go", "restore.go", "serve.go", // commands that the shell does not have
	"internal/host/caller.go", "internal/host/modes.go", // what the system says of the caller, and the database's own files
	"internal/term/zone.go",         // the zones of the system
	"internal/ptytest/pty_linux.go", // for tests
}

// TestDoorOnly holds that a file which an operator names is opened through a door and
// not by its name: in capf shell, that would follow a link out of the folder.
func TestDoorOnly(t *testing.T) {
	t.Parallel()
	byName := regexp.MustCompile(`\bos\.(Open|OpenFile|OpenRoot|Create|CreateTemp|ReadFile|WriteFile|ReadDir|DirFS|Stat|Lstat|Rename|Remove|RemoveAll|Mkdir|MkdirAll|MkdirTemp|Link|Symlink|Chmod)\b`)
	const commands = "../.."
	verbs, err := filepath.Glob(commands + "/*.go")
	check(t, err)
	rooms, err := filepath.Glob(commands + "/internal/*/*.go")
	check(t, err)
	if len(verbs) < 50 || len(rooms) < 20 {
		t.Fatalf("only %d verbs and %d files of rooms were found", len(verbs), len(rooms))
	}
	for _, path := range append(verbs, rooms...) {
		name, err := filepath.Rel(commands, path)
		check(t, err)
		if strings.HasSuffix(name, "_test.go") || slices.Contains(besideTheDoor, name) {
			continue
		}
		text, err := os.ReadFile(path)
		check(t, err)
		for _, call := range byName.FindAllString(string(text), -1) {
			t.Errorf("%s calls %s: a Door is the way", name, call)
		}
	}
	for _, name := range besideTheDoor {
		if _, err := os.Stat(filepath.Join(commands, name)); err != nil {
			t.Errorf("%s is no file of commands", name)
		}
	}
}
