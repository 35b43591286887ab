package commands

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// besideTheDoor are the files that may reach the file system by name: what they
// touch is no file that an operator names in capf shell.
var besideTheDoor = []string{
	"door.go", "files.go", "shell_files.go", // the doors themselves
	"backup.go",                                                      // what a dry look at a target tells
	"documents.go", "master_key_rotate.go", "restore.go", "serve.go", // commands that the shell does not have
	"internal/host/caller.go", "internal/host/modes.go", // what the system says of the caller, and the database's own files
	"internal/term/zone.go",         // the zones of the system
	"internal/ptytest/pty_linux.go", // for tests
}

// TestDoorOnly holds that a file which an operator names is opened through a
// door, and not by its name: in capf shell that would follow a link out of the
// folder.
func TestDoorOnly(t *testing.T) {
	t.Parallel()
	byName := regexp.MustCompile(`\bos\.(Open|OpenFile|OpenRoot|Create|CreateTemp|ReadFile|WriteFile|ReadDir|DirFS|Stat|Lstat|Rename|Remove|RemoveAll|Mkdir|MkdirAll|MkdirTemp|Link|Symlink|Chmod)\b`)
	files, err := filepath.Glob("*.go")
	check(t, err)
	rooms, err := filepath.Glob("internal/*/*.go")
	check(t, err)
	files = append(files, rooms...)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") || slices.Contains(besideTheDoor, file) {
			continue
		}
		text, err := os.ReadFile(file)
		check(t, err)
		for _, call := range byName.FindAllString(string(text), -1) {
			t.Errorf("%s calls %s: env.door() is the way", file, call)
		}
	}
}
