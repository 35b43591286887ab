package crypto_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"capf/crypto"
)

func TestMasterKeyFile(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "master.key")
	made, err := crypto.CreateMasterKey(path)
	if err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(before), "capf-master-key-1 ") || strings.Count(string(before), "\n") != 1 {
		t.Errorf("the file is no line that begins with its kind, but has %d bytes", len(before))
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	loaded, err := crypto.LoadMasterKey(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := loaded.Open("label", seal(t, made, "label", []byte("secret"))); err != nil {
		t.Error(err)
	}

	_, err = crypto.CreateMasterKey(path)
	wantError(t, err, fmt.Sprintf("writing the master key file %q: file exists", path))
	if !errors.Is(err, fs.ErrExist) {
		t.Errorf("%v is not fs.ErrExist", err)
	}
	if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
		t.Errorf("the second creation changed the file (%v)", err)
	}
	if entries, err := os.ReadDir(folder); err != nil || len(entries) != 1 {
		t.Errorf("%d files are left instead of 1 (%v)", len(entries), err)
	}
	missing := filepath.Join(folder, "no", "master.key")
	_, err = crypto.CreateMasterKey(missing)
	wantError(t, err, fmt.Sprintf("writing the master key file %q: no such file or directory", missing))
	_, err = crypto.LoadMasterKey(missing)
	wantError(t, err, fmt.Sprintf("reading the master key file %q: no such file or directory", missing))
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v is not fs.ErrNotExist", err)
	}
}

// Of many that create the file at once, one does, and all others find its key.
func TestCreateMasterKeyAtOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "master.key")
	made := make(chan *crypto.Sealer, 16)
	var group sync.WaitGroup
	for range cap(made) {
		group.Go(func() {
			s, err := crypto.CreateMasterKey(path)
			if err == nil {
				made <- s
			} else if !errors.Is(err, fs.ErrExist) {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if len(made) != 1 {
		t.Fatalf("%d made the file", len(made))
	}
	loaded, err := crypto.LoadMasterKey(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := loaded.Open("label", seal(t, <-made, "label", nil)); err != nil {
		t.Error(err)
	}
}

func TestLoadMasterKeyRefuses(t *testing.T) {
	t.Parallel()
	key := func(n int) string { return base64.StdEncoding.EncodeToString(make([]byte, n)) }
	good := "capf-master-key-1 " + key(32) + "\n"
	tests := []struct {
		name, content string
		mode          fs.FileMode
		want          string
	}{
		{"good", good, 0o600, ""},
		{"read-only", good, 0o400, ""},
		{"no newline", strings.TrimSpace(good), 0o600, ""},
		{"Windows newline", strings.TrimSpace(good) + "\r\n", 0o600, ""},
		{"group reads", good, 0o640, "its mode is 0640: only its owner may read it (chmod 600)"},
		{"all read", good, 0o644, "its mode is 0644: only its owner may read it (chmod 600)"},
		{"others write", good, 0o602, "its mode is 0602: only its owner may read it (chmod 600)"},
		{"empty", "", 0o600, "it is empty"},
		{"another file", "-----BEGIN PRIVATE KEY-----\n", 0o600, `it does not begin with "capf-master-key-1": not a master key file`},
		{"newer form", "capf-master-key-2 " + key(32), 0o600, `it does not begin with "capf-master-key-1": not a master key file`},
		{"large", good + strings.Repeat("\n", 1024), 0o600, "it is longer than 1024 bytes: not a master key file"},
		{"no base64", "capf-master-key-1 secret!", 0o600, "its key is not base64"},
		{"cut", good[:40], 0o600, "its key is not base64"},
		{"31 bytes", "capf-master-key-1 " + key(31), 0o600, "its key has 31 bytes instead of 32"},
		{"33 bytes", "capf-master-key-1 " + key(33), 0o600, "its key has 33 bytes instead of 32"},
		{"no key", "capf-master-key-1 ", 0o600, "its key has 0 bytes instead of 32"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := writeFile(t, "master.key", []byte(test.content))
			if err := os.Chmod(path, test.mode); err != nil {
				t.Fatal(err)
			}
			_, err := crypto.LoadMasterKey(path)
			if test.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantError(t, err, fmt.Sprintf("reading the master key file %q: %s", path, test.want))
		})
	}
}

func TestLoadMasterKeyWantsAFile(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	_, err := crypto.LoadMasterKey(folder)
	wantError(t, err, fmt.Sprintf("reading the master key file %q: not a regular file", folder))
	pipe := filepath.Join(folder, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = crypto.LoadMasterKey(pipe)
	wantError(t, err, fmt.Sprintf("reading the master key file %q: not a regular file", pipe))

	path := writeFile(t, "master.key", []byte("capf-master-key-1 "+base64.StdEncoding.EncodeToString(make([]byte, 32))))
	link := filepath.Join(folder, "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if _, err := crypto.LoadMasterKey(link); err != nil {
		t.Error(err)
	}
}

// Not parallel: it sets the environment.
func TestLoadMasterKeyFromSystemd(t *testing.T) {
	content := []byte("capf-master-key-1 " + base64.StdEncoding.EncodeToString(make([]byte, 32)))
	within, outside := writeFile(t, "master.key", content), writeFile(t, "master.key", content)
	t.Setenv("CREDENTIALS_DIRECTORY", filepath.Dir(within))
	for _, test := range []struct {
		path string
		mode fs.FileMode
		want string
	}{
		{within, 0o400, ""},
		{within, 0o440, ""},
		{within, 0o444, "its mode is 0444: only its owner may read it (chmod 600)"},
		{within, 0o460, "its mode is 0460: only its owner may read it (chmod 600)"},
		{outside, 0o440, "its mode is 0440: only its owner may read it (chmod 600)"},
		{filepath.Dir(within) + "/../" + filepath.Base(filepath.Dir(outside)) + "/master.key", 0o440, "*"},
	} {
		if err := os.Chmod(test.path, test.mode); err != nil && test.want != "*" {
			t.Fatal(err)
		}
		_, err := crypto.LoadMasterKey(test.path)
		switch {
		case test.want == "" && err != nil, test.want == "*" && err == nil:
			t.Errorf("%s %o: %v", test.path, test.mode, err)
		case test.want != "" && test.want != "*":
			wantError(t, err, fmt.Sprintf("reading the master key file %q: %s", test.path, test.want))
		}
	}
}
