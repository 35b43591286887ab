package store

import (
	"bytes"
	"database/sql"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

func TestCreate(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "new", "folder")
	path := filepath.Join(folder, "a ?%#b.db")
	s, err := Create(t.Context(), path, Options{})
	must(t, err)
	if s.Path() != path {
		t.Errorf("the path is %q", s.Path())
	}
	addDevice(t, s, "SEP000000000001")
	for p, want := range map[string]fs.FileMode{folder: 0o700, path: 0o600, path + "-wal": 0o600} {
		if info, err := os.Stat(p); err != nil || info.Mode().Perm() != want {
			t.Errorf("%q: %v %v, want %o", p, info.Mode(), err, want)
		}
	}
	must(t, s.Close())
	entries, err := os.ReadDir(folder)
	must(t, err)
	if len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
	again, err := Create(t.Context(), path, Options{})
	must(t, err)
	deviceNow(t, again, "SEP000000000001")
	must(t, again.Close())
	_, err = again.AddDevice(t.Context(), operator, device("x"))
	wantErr(t, err, ErrClosed)
}

// TestCreateBesideALog: what is left of another database does not become part
// of the new one.
func TestCreateBesideALog(t *testing.T) {
	t.Parallel()
	old, _ := newStore(t)
	addDevice(t, old, "SEP000000000001")
	left, err := os.ReadFile(old.Path() + "-wal")
	must(t, err)
	path := filepath.Join(t.TempDir(), "capf.db")
	must(t, os.WriteFile(path+"-wal", left, 0o600))
	_, err = Create(t.Context(), path, Options{})
	if err == nil || !strings.Contains(err.Error(), "capf.db-wal\" is left over from a database that is gone; move it away") {
		t.Errorf("the error is %v", err)
	}
	onlyFiles(t, filepath.Dir(path), "capf.db-wal")
}

func TestCreateAtOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "capf.db")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			s, err := Create(t.Context(), path, Options{})
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := s.AddDevice(t.Context(), operator, device(fmt.Sprint("d", i))); err != nil {
				t.Error(err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := len(all(t, openStore(t, path, Options{}).Devices(t.Context(), DeviceFilter{}))); n != 8 {
		t.Errorf("%d devices, want 8", n)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := func(name string) string { return filepath.Join(folder, name) }
	must(t, os.WriteFile(path("text"), bytes.Repeat([]byte("no database\n"), 400), 0o600))
	must(t, os.WriteFile(path("empty"), nil, 0o600))
	must(t, os.Mkdir(path("folder"), 0o700))
	sqlIn(t, path("other"), "CREATE TABLE t (a); INSERT INTO t VALUES (1)")
	sqlIn(t, path("other-wal"), "PRAGMA journal_mode = WAL; CREATE TABLE t (a)")
	must(t, openStore(t, path("newer"), Options{}).Close())
	sqlIn(t, path("newer"), "PRAGMA user_version = 1000000")
	for name, want := range map[string]error{
		"missing": ErrNotFound, "text": ErrForeign, "empty": ErrForeign, "folder": ErrForeign,
		"other": ErrForeign, "other-wal": ErrForeign, "newer": ErrNewer,
	} {
		before, _ := os.ReadFile(path(name))
		_, err := Open(t.Context(), path(name), Options{})
		wantErr(t, err, want)
		if !strings.Contains(err.Error(), path(name)) {
			t.Errorf("%v does not name the file", err)
		}
		if after, _ := os.ReadFile(path(name)); !bytes.Equal(before, after) {
			t.Errorf("%q has been changed", name)
		}
		if name != "missing" {
			_, err := Create(t.Context(), path(name), Options{})
			wantErr(t, err, want)
		}
	}
	if _, err := os.Stat(path("missing")); err == nil {
		t.Error("Open has made a database")
	}
}

// sqlIn runs statements through a connection that knows nothing of us.
func sqlIn(t *testing.T, path, statements string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	must(t, err)
	_, err = db.Exec(statements)
	must(t, err)
	must(t, db.Close())
}

func TestReadOnly(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "capf.db")
	w := openStore(t, path, Options{})
	addDevice(t, w, "SEP000000000001")
	s, err := Open(t.Context(), path, Options{ReadOnly: true})
	must(t, err)
	defer s.Close()
	deviceNow(t, s, "SEP000000000001")
	_, err = s.AddDevice(t.Context(), operator, device("x"))
	wantErr(t, err, ErrReadOnly)
	_, err = Create(t.Context(), path+"2", Options{ReadOnly: true})
	wantErr(t, err, ErrNotFound)
	must(t, s.Close())
}

// TestNoPermission opens as another user when the tests run as root, whom no
// permission stops.
func TestNoPermission(t *testing.T) {
	t.Parallel()
	for what, test := range map[string]struct {
		folder, file fs.FileMode
		want         string
	}{
		"file":    {0o777, 0o444, ErrReadOnly.Error()},
		"folder":  {0o555, 0o666, ErrReadOnly.Error()},
		"reading": {0o777, 0o000, "permission denied"},
	} {
		folder, err := os.MkdirTemp("", "capf")
		must(t, err)
		t.Cleanup(func() {
			must(t, os.Chmod(folder, 0o700))
			must(t, os.RemoveAll(folder))
		})
		path := filepath.Join(folder, "capf.db")
		must(t, openStore(t, path, Options{}).Close())
		self, err := os.Executable()
		must(t, err)
		binary, err := os.ReadFile(self)
		must(t, err)
		must(t, os.WriteFile(filepath.Join(folder, "self"), binary, 0o755))
		must(t, os.Chmod(path, test.file))
		must(t, os.Chmod(folder, test.folder))
		c := process(t, "open", path)
		c.Path = filepath.Join(folder, "self")
		if os.Geteuid() == 0 {
			c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		}
		out, err := c.CombinedOutput()
		if err == nil || !strings.Contains(string(out), test.want) {
			t.Errorf("%s without permission: %v %s", what, err, out)
		}
	}
}

// TestOwner has root make a database for another user, as an operator does for
// the service user.
func TestOwner(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if os.Geteuid() == 0 {
		must(t, os.Chown(folder, 65534, 65534))
	}
	path := filepath.Join(folder, "capf.db")
	s, err := Create(t.Context(), path, Options{})
	must(t, err)
	defer s.Close()
	addDevice(t, s, "SEP000000000001")
	want := ownerOf(t, folder)
	for _, file := range []string{path, path + "-wal", path + "-shm"} {
		if got := ownerOf(t, file); got != want {
			t.Errorf("%s belongs to %d, its folder to %d", filepath.Base(file), got, want)
		}
	}
}

func ownerOf(t *testing.T, path string) uint32 {
	t.Helper()
	info, err := os.Stat(path)
	must(t, err)
	return info.Sys().(*syscall.Stat_t).Uid
}

func TestCrashLosesNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "capf.db")
	s, err := Create(t.Context(), path, Options{})
	must(t, err)
	addDevice(t, s, "SEP000000000001")
	must(t, s.Close())
	out, err := process(t, "crash", path).CombinedOutput()
	if err == nil || !strings.Contains(err.Error(), "killed") {
		t.Fatalf("the process ended with %v: %s", err, out)
	}
	s = openStore(t, path, Options{})
	l, err := s.LSC(t.Context(), "C0:FF:EE")
	must(t, err)
	if l.State != LSCIssued || l.Device != "SEP000000000001" {
		t.Errorf("the LSC is %+v", l)
	}
	checkIntegrity(t, path)
}

// TestKilledInCheckpoint is a process that was killed when it had brought the
// first page of the write-ahead log into the file: that page tells of pages
// which are only in the log yet.
func TestKilledInCheckpoint(t *testing.T) {
	t.Parallel()
	whole, killed := filepath.Join(t.TempDir(), "capf.db"), filepath.Join(t.TempDir(), "capf.db")
	s, err := Create(t.Context(), whole, Options{})
	must(t, err)
	const devices = 200
	for i := range devices {
		addDevice(t, s, fmt.Sprintf("SEP%012X", i))
	}
	file, log := contents(t, whole), contents(t, whole+"-wal")
	must(t, s.Close()) // which ends with a checkpoint
	const page = 4096
	after := contents(t, whole)
	if len(after) <= len(file) {
		t.Fatalf("the file has not grown from %d bytes", len(file))
	}
	copy(file[:page], after[:page])
	must(t, os.WriteFile(killed, file, 0o600))
	must(t, os.WriteFile(killed+"-wal", log, 0o600))
	for range 2 { // the first time, SQLite brings the log in
		s, err = Open(t.Context(), killed, Options{})
		must(t, err)
		if n := len(all(t, s.Devices(t.Context(), DeviceFilter{}))); n != devices {
			t.Errorf("%d devices are left", n)
		}
		must(t, s.Close())
	}
	checkIntegrity(t, killed)
}

func contents(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	must(t, err)
	return b
}

func TestProcessesAtOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "capf.db")
	stores := []*Store{openStore(t, path, Options{}), openStore(t, path, Options{})}
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			if out, err := process(t, "work", path).CombinedOutput(); err != nil {
				t.Errorf("another process: %v: %s", err, out)
			}
		})
	}
	for i, s := range stores {
		for k := range 8 {
			wg.Go(func() {
				for n := range 20 {
					d := addDevice(t, s, fmt.Sprintf("SEP%04d%04d%04d", i, k, n))
					l := issue(t, s, d)
					must(t, s.MarkInstalled(t.Context(), phone(d.Name), l.ID, d.Schedule))
				}
			})
		}
	}
	wg.Wait()
	if n, err := stores[0].CountLSCs(t.Context(), LSCFilter{State: LSCInstalled}); n != 3*50+2*8*20 || err != nil {
		t.Errorf("%d LSCs, %v", n, err)
	}
	checkIntegrity(t, path)
}

// checkIntegrity looks at the file with the program that everybody has.
func checkIntegrity(t *testing.T, path string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "sqlite3", path, "PRAGMA integrity_check; PRAGMA foreign_key_check").CombinedOutput()
	if err != nil || string(out) != "ok\n" {
		t.Errorf("integrity_check: %v %s", err, out)
	}
}
