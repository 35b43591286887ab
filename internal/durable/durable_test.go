package durable_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"capf/internal/durable"
)

// folder is a new folder with a file "old" in it.
func folder(t *testing.T) (*os.Root, string) {
	t.Helper()
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	check(t, err)
	t.Cleanup(func() { root.Close() })
	check(t, os.WriteFile(filepath.Join(dir, "old"), []byte("old"), 0o600))
	return root, dir
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantFiles(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	check(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if !slices.Equal(names, want) {
		t.Errorf("the folder has %q, want %q", names, want)
	}
}

func wantFile(t *testing.T, path, text string, mode fs.FileMode) {
	t.Helper()
	data, err := os.ReadFile(path)
	check(t, err)
	info, err := os.Stat(path)
	check(t, err)
	if string(data) != text || info.Mode() != mode {
		t.Errorf("%s has mode %v and %q, want %v and %q", filepath.Base(path), info.Mode(), data, mode, text)
	}
}

func writing(text string) func(*os.File) error {
	return func(temp *os.File) error {
		_, err := temp.WriteString(text)
		return err
	}
}

func TestWrite(t *testing.T) {
	t.Parallel()
	root, dir := folder(t)
	check(t, durable.File{Folder: root, Name: "secret", Place: durable.New}.Write(writing("one")))
	wantFile(t, filepath.Join(dir, "secret"), "one", 0o600)
	check(t, durable.File{Folder: root, Name: "open", Mode: 0o644, Place: durable.Replace}.Write(writing("two")))
	wantFile(t, filepath.Join(dir, "open"), "two", 0o644)
	check(t, durable.File{Folder: root, Name: "old", Mode: 0o640, Place: durable.Replace}.Write(writing("new")))
	wantFile(t, filepath.Join(dir, "old"), "new", 0o640)
	err := durable.File{Folder: root, Name: "old", Place: durable.New}.Write(writing("newer"))
	if !errors.Is(err, fs.ErrExist) {
		t.Errorf("the error is %v", err)
	}
	wantFile(t, filepath.Join(dir, "old"), "new", 0o640)
	wantFiles(t, dir, "old", "open", "secret")
}

// TestWhileWriting looks at the folder while the file is being written: the old
// one is there, and what will be the new one is for its owner alone.
func TestWhileWriting(t *testing.T) {
	t.Parallel()
	root, dir := folder(t)
	check(t, durable.File{Folder: root, Name: "old", Mode: 0o644, Place: durable.Replace}.Write(func(temp *os.File) error {
		wantFile(t, filepath.Join(dir, "old"), "old", 0o600)
		wantFile(t, temp.Name(), "", 0o600)
		if name := temp.Name(); filepath.Dir(name) != dir || !strings.HasPrefix(filepath.Base(name), ".old.") {
			t.Errorf("the temporary file is %q", name)
		}
		return writing("new")(temp)
	}))
	wantFile(t, filepath.Join(dir, "old"), "new", 0o644)
}

// TestFailure is a writing that does not succeed: nothing changes, and nothing is left.
func TestFailure(t *testing.T) {
	t.Parallel()
	trouble := errors.New("trouble")
	for _, test := range []struct {
		name  string
		fill  func(*os.File) error
		place durable.Place
		want  error
	}{
		{"fill", func(*os.File) error { return trouble }, durable.Replace, trouble},
		{"disk", func(temp *os.File) error { return temp.Close() }, durable.Replace, os.ErrClosed},
		{"place", writing("new"), func(*os.Root, string, string) error { return trouble }, trouble},
	} {
		root, dir := folder(t)
		f := durable.File{Folder: root, Name: "old", Place: test.place, Beside: []string{"-wal"}}
		err := f.Write(func(temp *os.File) error {
			check(t, os.WriteFile(temp.Name()+"-wal", nil, 0o600))
			return test.fill(temp)
		})
		if !errors.Is(err, test.want) {
			t.Errorf("%s: the error is %v, want %v", test.name, err, test.want)
		}
		wantFile(t, filepath.Join(dir, "old"), "old", 0o600)
		wantFiles(t, dir, "old")
	}
}

// TestPlaceIsLast holds that what is placed is complete.
func TestPlaceIsLast(t *testing.T) {
	t.Parallel()
	root, dir := folder(t)
	placed := false
	check(t, durable.File{Folder: root, Name: "new", Mode: 0o644, Place: func(at *os.Root, temp, name string) error {
		wantFile(t, filepath.Join(dir, temp), "new", 0o644)
		placed = name == "new"
		return durable.New(at, temp, name)
	}}.Write(writing("new")))
	if !placed {
		t.Error("the file was not placed under its name")
	}
}

func TestPathWrite(t *testing.T) {
	t.Parallel()
	_, dir := folder(t)
	path := filepath.Join(dir, "new")
	check(t, durable.Write(path, 0o600, durable.New, []byte("new")))
	wantFile(t, path, "new", 0o600)
	for _, test := range []struct {
		path string
		want string
	}{
		{path, "file exists"},
		{filepath.Join(dir, "none", "new"), "no such file or directory"},
		{filepath.Join(path, "new"), "not a directory"},
	} {
		if err := durable.Write(test.path, 0o600, durable.New, []byte("newer")); err == nil || err.Error() != test.want {
			t.Errorf("the error is %v, want %q without a path", err, test.want)
		}
	}
	wantFile(t, path, "new", 0o600)
	wantFiles(t, dir, "new", "old")
	check(t, durable.SyncFolderAt(dir))
	if err := durable.SyncFolderAt(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder that is not there: %v", err)
	}
}

func TestRemoveAbandoned(t *testing.T) {
	t.Parallel()
	root, dir := folder(t)
	age := func(name string, age time.Duration) {
		path := filepath.Join(dir, name)
		check(t, os.WriteFile(path, nil, 0o600))
		check(t, os.Chtimes(path, time.Now(), time.Now().Add(-age)))
	}
	for _, name := range []string{".old.1", ".old.2-wal", ".old.3-other", ".old.mine", ".older.4", "old.5", "77"} {
		age(name, 25*time.Hour)
	}
	age(".old.6", 23*time.Hour)
	check(t, os.Mkdir(filepath.Join(dir, ".old.7"), 0o700))
	check(t, os.Chtimes(filepath.Join(dir, ".old.7"), time.Now(), time.Now().Add(-25*time.Hour)))
	durable.File{Folder: root, Name: "old", Beside: []string{"-wal"}}.RemoveAbandoned()
	wantFiles(t, dir, ".old.3-other", ".old.6", ".old.7", ".old.mine", ".older.4", "77", "old", "old.5")
}
