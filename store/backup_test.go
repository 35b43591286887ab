package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestBackupUnderLoad takes backups while phones enroll: each is whole, and of
// one moment.
func TestBackupUnderLoad(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	var enrolled atomic.Int64
	for i := range 4 {
		wg.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				d, err := s.AddDevice(t.Context(), operator, device(fmt.Sprintf("SEP%02X%010X", i, n)))
				if err == nil {
					err = enrol(t, s, d.Name)
				}
				if err != nil {
					t.Error(err)
					return
				}
				enrolled.Add(1)
			}
		})
	}
	path := filepath.Join(t.TempDir(), "copy.db")
	var last int64
	for range 5 {
		for before := enrolled.Load(); enrolled.Load() < before+20; {
			time.Sleep(time.Millisecond)
		}
		c, err := s.Backup(t.Context(), path, nil, nil)
		must(t, err)
		if c.Devices <= last {
			t.Errorf("a backup holds %d devices, the one before it %d", c.Devices, last)
		}
		last = c.Devices
		checkCopy(t, path, c)
	}
	stop()
	wg.Wait()
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	onlyFiles(t, filepath.Dir(path), "copy.db")
}

func checkCopy(t *testing.T, path string, c Copied) {
	t.Helper()
	again := filepath.Join(t.TempDir(), "again.db") // opening it would change it
	data, err := os.ReadFile(path)
	must(t, err)
	must(t, os.WriteFile(again, data, 0o600))
	s := openStore(t, again, Options{})
	r, err := s.VerifyEvents(t.Context(), nil)
	must(t, err)
	if r.Fault != nil || r.Events != c.Events {
		t.Errorf("%d events, %+v, want %d", r.Events, r.Fault, c.Events)
	}
	if faults := all(t, s.Damages(t.Context())); faults != nil {
		t.Errorf("damages: %v", faults)
	}
	if faults := all(t, s.Contradictions(t.Context())); faults != nil {
		t.Errorf("contradictions: %v", faults)
	}
	if n := int64(len(data)); n != c.Bytes {
		t.Errorf("%d bytes, want %d", c.Bytes, n)
	}
}

func onlyFiles(t *testing.T, folder string, want ...string) {
	t.Helper()
	var names []string
	entries, err := os.ReadDir(folder)
	must(t, err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if strings.Join(names, " ") != strings.Join(want, " ") {
		t.Errorf("the folder holds %q, want %q", names, want)
	}
}

// TestBackupLeavesNothing looks at what failed backups leave behind.
func TestBackupLeavesNothing(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	addDevice(t, s, "SEP000000000001")
	folder := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	_, err := s.Backup(ctx, filepath.Join(folder, "b.db"), nil, func(int, int) { cancel() })
	wantErr(t, err, context.Canceled)
	onlyFiles(t, folder)

	for _, log := range []string{"b.db-wal", "b.db-journal"} {
		must(t, os.WriteFile(filepath.Join(folder, log), []byte("log"), 0o600))
		_, err = s.Backup(t.Context(), filepath.Join(folder, "b.db"), nil, nil)
		wantErr(t, err, ErrConflict)
		onlyFiles(t, folder, log)
		must(t, os.Remove(filepath.Join(folder, log)))
	}
	if _, err := s.Backup(t.Context(), filepath.Join(folder, "no", "b.db"), nil, nil); err == nil {
		t.Error("a backup into a folder that there is not")
	}
}

// TestOldTempFiles holds that a backup removes what killed ones have left, and
// nothing else.
func TestOldTempFiles(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	folder := t.TempDir()
	for _, name := range []string{".b.db.12", ".b.db.12-wal", ".b.db.12-journal", ".b.db.mine", ".c.db.12", "b.db.12"} {
		must(t, os.WriteFile(filepath.Join(folder, name), nil, 0o600))
		old := time.Now().Add(-48 * time.Hour)
		must(t, os.Chtimes(filepath.Join(folder, name), old, old))
	}
	must(t, os.WriteFile(filepath.Join(folder, ".b.db.13"), nil, 0o600)) // may be worked on
	_, err := s.Backup(t.Context(), filepath.Join(folder, "b.db"), nil, nil)
	must(t, err)
	onlyFiles(t, folder, ".b.db.13", ".b.db.mine", ".c.db.12", "b.db", "b.db.12")
}

// TestRestoresInOneSecond keeps each old database under a name of its own.
func TestRestoresInOneSecond(t *testing.T) {
	t.Parallel()
	s, c := newStore(t)
	backup := filepath.Join(t.TempDir(), "b.db")
	_, err := s.Backup(t.Context(), backup, nil, nil)
	must(t, err)
	must(t, s.Close())
	names := map[string]bool{}
	for range 3 {
		kept, err := Restore(t.Context(), Restoration{From: backup, To: s.Path(), Inspect: func(*Store, Seal) error { return nil }},
			Options{Now: func() time.Time { return c.now().Truncate(time.Second) }})
		must(t, err)
		names[kept] = true
	}
	if len(names) != 3 {
		t.Errorf("three databases are kept as %v", names)
	}
}

func TestRestore(t *testing.T) {
	t.Parallel()
	s, c := newStore(t)
	addDevice(t, s, "SEP000000000001")
	backup := filepath.Join(t.TempDir(), "b.db")
	_, err := s.Backup(t.Context(), backup, nil, nil)
	must(t, err)
	was, err := os.ReadFile(backup)
	must(t, err)
	addDevice(t, s, "SEP000000000002")
	must(t, s.ReportServer(t.Context(), Server{PID: 1, Host: "x"}))
	good := func(s *Store, _ Seal) error {
		return s.AddEvent(t.Context(), Event{Actor: operator, Action: "restore"})
	}
	r := Restoration{From: backup, To: s.Path(), Inspect: good}

	// The file cannot be exchanged while somebody has it open.
	other := process(t, "hold", s.Path())
	hold, err := other.StdinPipe()
	must(t, err)
	out, err := other.StdoutPipe()
	must(t, err)
	must(t, other.Start())
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	must(t, s.Close())
	_, err = Restore(t.Context(), r, Options{Now: c.now})
	wantErr(t, err, ErrInUse)
	must(t, hold.Close())
	must(t, other.Wait())
	onlyFiles(t, filepath.Dir(s.Path()), "capf.db")

	// What is refused and what is only looked at changes nothing.
	refusal := errors.New("no")
	_, err = Restore(t.Context(), Restoration{From: backup, To: s.Path(), Inspect: func(*Store, Seal) error { return refusal }}, Options{})
	wantErr(t, err, refusal)
	r.DryRun = true
	_, err = Restore(t.Context(), r, Options{})
	must(t, err)
	onlyFiles(t, filepath.Dir(s.Path()), "capf.db")

	// A restore that was killed has left a second name of the database.
	must(t, os.Link(s.Path(), s.Path()+".before-restore-20260101T000000Z"))
	r.DryRun = false
	r.To = filepath.Join(t.TempDir(), "link.db") // from another folder
	must(t, os.Symlink(s.Path(), r.To))
	kept, err := Restore(t.Context(), r, Options{Now: c.now})
	must(t, err)
	if now, err := os.ReadFile(backup); err != nil || !bytes.Equal(now, was) {
		t.Errorf("the backup has changed, %v", err)
	}
	onlyFiles(t, filepath.Dir(s.Path()), "capf.db", filepath.Base(kept))
	onlyFiles(t, filepath.Dir(backup), "b.db")
	names := func(path string) (names []string) {
		for _, d := range all(t, openStore(t, path, Options{}).Devices(t.Context(), DeviceFilter{})) {
			names = append(names, d.Name)
		}
		return names
	}
	if got := fmt.Sprint(names(s.Path()), names(kept)); got != "[SEP000000000001] [SEP000000000001 SEP000000000002]" {
		t.Errorf("restored and kept: %s", got)
	}
	restored := openStore(t, s.Path(), Options{})
	if servers, err := restored.Servers(t.Context()); err != nil || len(servers) != 0 {
		t.Errorf("servers of another time: %v, %v", servers, err)
	}
	v, err := restored.VerifyEvents(t.Context(), nil)
	if err != nil || v.Fault != nil || v.Events != 2 {
		t.Errorf("the record: %+v, %+v, %v", v, v.Fault, err)
	}
}

// brokenOff makes a database whose last change was broken off by a kill, so that
// a rollback journal stands beside it, and names the journal.
func brokenOff(t *testing.T) (path, journal string) {
	t.Helper()
	s, _ := newStore(t)
	for i := range 200 {
		addDevice(t, s, fmt.Sprintf("SEP%012X", i))
	}
	must(t, s.Close())
	copied := filepath.Join(t.TempDir(), "capf.db")
	// Of so small a cache pages go to the file before the change is complete.
	byHand(t, s.Path(), fmt.Sprintf(`PRAGMA journal_mode = DELETE;
PRAGMA cache_size = 1;
BEGIN;
UPDATE devices SET name = 'x' || name;
.system cp '%s' '%s'
.system cp '%s-journal' '%[2]s-journal'
ROLLBACK;`, s.Path(), copied, s.Path()))
	if info, err := os.Stat(copied + "-journal"); err != nil || info.Size() == 0 {
		t.Fatalf("no journal: %v", err)
	}
	return copied, copied + "-journal"
}

// TestJournalLeft puts a database where the rollback journal of another one
// stands, which would be played into it.
func TestJournalLeft(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	backup := filepath.Join(t.TempDir(), "b.db")
	_, err := s.Backup(t.Context(), backup, nil, nil)
	must(t, err)
	sound := func(*Store, Seal) error { return nil }

	// Its database has gone.
	path, journal := brokenOff(t)
	must(t, os.Remove(path))
	_, err = Restore(t.Context(), Restoration{From: backup, To: path, Inspect: sound}, Options{})
	if err == nil || !strings.Contains(err.Error(), journal) {
		t.Errorf("restored beside a journal: %v", err)
	}
	_, err = Create(t.Context(), path, Options{})
	if err == nil || !strings.Contains(err.Error(), journal) {
		t.Errorf("made beside a journal: %v", err)
	}
	onlyFiles(t, filepath.Dir(path), "capf.db-journal")

	// Its database cannot be read.
	must(t, os.WriteFile(path, bytes.Repeat([]byte("rubbish "), 4096), 0o600))
	kept, err := Restore(t.Context(), Restoration{From: backup, To: path, Inspect: sound}, Options{})
	must(t, err)
	onlyFiles(t, filepath.Dir(path), "capf.db", filepath.Base(kept), filepath.Base(kept)+"-journal")

	// Its database can be read: the change is undone, and what is kept is whole.
	path, _ = brokenOff(t)
	kept, err = Restore(t.Context(), Restoration{From: backup, To: path, Inspect: sound}, Options{})
	must(t, err)
	onlyFiles(t, filepath.Dir(path), "capf.db", filepath.Base(kept))
	if d := deviceNow(t, openStore(t, kept, Options{}), "SEP000000000001"); d.ID == 0 {
		t.Error("the change was not undone")
	}

	// It is the backup that was changed.
	path, journal = brokenOff(t)
	_, err = Restore(t.Context(), Restoration{From: path, To: backup, Inspect: sound}, Options{})
	if err == nil || !strings.Contains(err.Error(), journal) {
		t.Errorf("restored what is half changed: %v", err)
	}
}

// TestOpenWhileRestored opens the database at the moment at which Restore holds
// its lock on the file that is about to go.
func TestOpenWhileRestored(t *testing.T) {
	t.Parallel()
	for _, readOnly := range []bool{false, true} {
		s, c := newStore(t)
		addDevice(t, s, "SEP000000000001")
		must(t, s.Close())
		fresh, _ := newStore(t)
		addDevice(t, fresh, "SEP000000000002")
		must(t, fresh.Close())

		release := lockedByRestore(t, s.Path())
		type outcome struct {
			store *Store
			err   error
		}
		opened := make(chan outcome)
		go func() {
			o, err := Open(t.Context(), s.Path(), Options{Now: c.now, ReadOnly: readOnly})
			opened <- outcome{o, err}
		}()
		select {
		case o := <-opened:
			t.Fatalf("opened what Restore has locked, %v", o.err)
		case <-time.After(300 * time.Millisecond):
		}
		must(t, os.Link(s.Path(), s.Path()+".kept"))
		must(t, os.Rename(fresh.Path(), s.Path()))
		release()
		o := <-opened
		must(t, o.err)
		// Each of its connections.
		devices := all(t, o.store.Devices(t.Context(), DeviceFilter{}))
		_, err := o.store.Device(t.Context(), "SEP000000000002")
		if err != nil || len(devices) != 1 || devices[0].Name != "SEP000000000002" {
			t.Errorf("read-only %t: opened what has gone: %v, %v", readOnly, devices, err)
		}
		must(t, o.store.Close())
	}
}

// lockedByRestore locks the database as Restore does before it exchanges the
// file.
func lockedByRestore(t *testing.T, path string) (release func()) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	must(t, err)
	db.SetMaxOpenConns(1)
	_, err = db.Exec("PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE")
	must(t, err)
	return func() { must(t, db.Close()) }
}

// TestOpenHoldsFile holds that a database which is open, even without a change,
// is not exchanged, whatever mode an earlier attempt has left it in.
func TestOpenHoldsFile(t *testing.T) {
	t.Parallel()
	s, c := newStore(t)
	backup := filepath.Join(t.TempDir(), "backup.db")
	_, err := s.Backup(t.Context(), backup, nil, nil)
	must(t, err)
	must(t, s.Close())
	byHand(t, s.Path(), "PRAGMA journal_mode = DELETE")
	o, err := Open(t.Context(), s.Path(), Options{})
	must(t, err)
	restore := func() error {
		_, err := Restore(t.Context(), Restoration{From: backup, To: s.Path(), Inspect: func(*Store, Seal) error { return nil }}, Options{Now: c.now})
		return err
	}
	wantErr(t, restore(), ErrInUse)
	must(t, o.writer.disconnect()) // as after a transaction that could not be undone
	wantErr(t, restore(), ErrInUse)
	must(t, o.Close())
	must(t, restore())
}

// TestRestoreInsteadOfDamage puts a backup in the place of a database that
// cannot be read, whose log must not be taken for that of the backup.
func TestRestoreInsteadOfDamage(t *testing.T) {
	t.Parallel()
	s, c := newStore(t)
	addDevice(t, s, "SEP000000000001")
	backup := filepath.Join(t.TempDir(), "b.db")
	_, err := s.Backup(t.Context(), backup, nil, nil)
	must(t, err)
	must(t, s.Close())
	must(t, os.WriteFile(s.Path(), bytes.Repeat([]byte("rubbish "), 4096), 0o600))
	must(t, os.WriteFile(s.Path()+"-wal", []byte("a log of it"), 0o600))
	kept, err := Restore(t.Context(), Restoration{From: backup, To: s.Path(), Inspect: func(*Store, Seal) error { return nil }}, Options{Now: c.now})
	must(t, err)
	if d := deviceNow(t, openStore(t, s.Path(), Options{}), "SEP000000000001"); d.ID == 0 {
		t.Error("the device has not come back")
	}
	if data, err := os.ReadFile(kept + "-wal"); err != nil || string(data) != "a log of it" {
		t.Errorf("the old log: %q, %v", data, err)
	}

	// A backup without a table, and one with a page of rubbish.
	into := filepath.Join(t.TempDir(), "capf.db")
	data, err := os.ReadFile(backup)
	must(t, err)
	torn := filepath.Join(t.TempDir(), "torn.db")
	must(t, os.WriteFile(torn, data, 0o600))
	byHand(t, torn, "DROP TABLE servers")
	_, err = Restore(t.Context(), Restoration{From: torn, To: into, Inspect: func(*Store, Seal) error { return nil }}, Options{})
	if err == nil || strings.Contains(err.Error(), "SQL") && !strings.Contains(err.Error(), "SQLite code") {
		t.Errorf("of a backup without a table: %v", err)
	}
	copy(data[100:4096], bytes.Repeat([]byte{0xff}, 4096))
	must(t, os.WriteFile(torn, data, 0o600))
	_, err = Restore(t.Context(), Restoration{From: torn, To: into, Inspect: func(*Store, Seal) error { return nil }}, Options{})
	if err == nil || !strings.Contains(err.Error(), "torn.db") {
		t.Errorf("of a backup with rubbish in it: %v", err)
	}

	// And where there is none.
	fresh := filepath.Join(t.TempDir(), "new", "capf.db")
	kept, err = Restore(t.Context(), Restoration{From: backup, To: fresh, Inspect: func(*Store, Seal) error { return nil }}, Options{})
	if err != nil || kept != "" {
		t.Errorf("kept %q, %v", kept, err)
	}
	onlyFiles(t, filepath.Dir(fresh), "capf.db")
	_, err = Restore(t.Context(), Restoration{From: backup + "x", To: fresh}, Options{})
	wantErr(t, err, ErrNotFound)
	must(t, os.WriteFile(backup, []byte("no database at all"), 0o600))
	_, err = Restore(t.Context(), Restoration{From: backup, To: fresh}, Options{})
	wantErr(t, err, ErrForeign)
}

// TestSeal: what a backup was signed with is over all of its file but the place
// of the seal, wherever somebody has changed it.
func TestSeal(t *testing.T) {
	t.Parallel()
	s, c := newStore(t)
	addDevice(t, s, "SEP000000000001")
	key := []byte("a key that the store does not know")
	sign := func(digest []byte) []byte {
		m := sha256.Sum256(append(key[:len(key):len(key)], digest...))
		return m[:]
	}
	backup := filepath.Join(t.TempDir(), "b.db")
	made, err := s.Backup(t.Context(), backup, sign, nil)
	must(t, err)
	restored := func(t *testing.T, from string) (seal Seal) {
		_, err := Restore(t.Context(), Restoration{From: from, To: filepath.Join(t.TempDir(), "r.db"), Inspect: func(s *Store, got Seal) error {
			seal = got
			return nil
		}}, Options{Now: c.now})
		must(t, err)
		return seal
	}
	seal := restored(t, backup)
	if !bytes.Equal(seal.MAC, sign(seal.Digest)) {
		t.Error("the backup is not the one that was signed")
	}
	// Backups of other versions are to be verified too, so what is signed does not change.
	data, err := os.ReadFile(backup)
	must(t, err)
	if whole := sha256.Sum256(data); made.Devices != 1 || made.Bytes != int64(len(data)) || !bytes.Equal(made.SHA256, whole[:]) {
		t.Errorf("the copy is told as %+v", made)
	}
	if digest := sha256.Sum256(bytes.Replace(data, seal.MAC, make([]byte, 32), 1)); !bytes.Equal(seal.Digest, digest[:]) {
		t.Error("what is signed is not the file with zeros in the place of the seal")
	}
	for name, statement := range map[string]string{
		"a row":        "UPDATE devices SET description = 'x'",
		"nothing much": "VACUUM",
		"the seal":     "UPDATE backup_seal SET seal = randomblob(32)",
		"its place":    "INSERT INTO parameters SELECT 'copy', hex(seal) FROM backup_seal; CREATE TABLE more AS SELECT seal FROM backup_seal",
	} {
		changed := filepath.Join(t.TempDir(), "changed.db")
		copyInto(t, changed, backup)
		byHand(t, changed, statement+"; PRAGMA wal_checkpoint(TRUNCATE)")
		if seal := restored(t, changed); bytes.Equal(seal.MAC, sign(seal.Digest)) {
			t.Errorf("%s was changed unnoticed", name)
		}
	}
	removed := filepath.Join(t.TempDir(), "removed.db")
	copyInto(t, removed, backup)
	byHand(t, removed, "DELETE FROM backup_seal")
	if seal := restored(t, removed); seal.MAC != nil {
		t.Error("a seal that was removed is there")
	}
	// A byte behind the last page belongs to the file too.
	f, err := os.OpenFile(backup, os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteString("x")
	must(t, errors.Join(err, f.Close()))
	if seal := restored(t, backup); bytes.Equal(seal.MAC, sign(seal.Digest)) {
		t.Error("a byte was added unnoticed")
	}
}
