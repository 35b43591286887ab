package lists_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"capf/enroll/authority"
	"capf/enroll/devices"
	"capf/enroll/devices/devicestest"
	"capf/enroll/lists"
	"capf/enroll/settings"
	"capf/enroll/trustlist"
	"capf/internal/apperr"
	"capf/store"
)

// write writes the lists of the house into a folder, and says what became of each file.
func (h house) write(dir string, edit func(*lists.Writing)) (outcomes []string) {
	h.Helper()
	at, err := lists.OpenFolder(dir)
	ok(h, err)
	defer at.Close()
	w := lists.Writing{Store: h.Rules.Store.Reader, Composer: h.composer()}
	if edit != nil {
		edit(&w)
	}
	ok(h, w.Write(h.Context(), at, func(f lists.WrittenFile) error {
		outcomes = append(outcomes, f.Name+" "+string(f.Outcome))
		return nil
	}))
	return outcomes
}

func wantOutcomes(t testing.TB, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("the outcomes are %q, not %q", got, want)
	}
}

// order gives a device a key order for which it needs a list of its own, or takes that
// away.
func (h house) order(name string, o store.KeyOrder) {
	h.Helper()
	_, err := h.Rules.Store.ChangeDevice(h.Context(), devicestest.Operator, name, store.EventText{Action: "device-set"}, func(d *store.Device) error {
		d.KeyOrder = o
		return nil
	})
	ok(h, err)
}

// TestFolder: files appear where they are wanted, keep their time while they are as they
// should be, and go when they are not wanted; others are never touched.
func TestFolder(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	h.Add("SEP001122334455", devices.Edit{})
	h.Add("SEP001122334466", devices.Edit{})
	h.Add("SEP001122334477", devices.Edit{})
	h.order("SEP001122334455", store.ECOnly)
	wantOutcomes(t, h.write(dir, func(w *lists.Writing) { w.DryRun = true }),
		"ITLFile.tlv written", "CTLFile.tlv written", "ITLSEP001122334455.tlv written")
	if all, err := os.ReadDir(dir); err != nil || len(all) > 0 {
		t.Errorf("a dry run has written %v, %v", all, err)
	}
	h.write(dir, nil)
	for _, name := range []string{"ITLFile.tlv", "ITLSEP001122334455.tlv"} {
		info, err := os.Stat(path(name))
		ok(t, err)
		if info.Mode() != 0o644 {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
		ok(t, os.Chtimes(path(name), time.Time{}, time.Unix(1000, 0)))
	}
	sums(t, dir)

	// What somebody else has put there.
	for name, text := range map[string]string{"ITLSEP001122334466.tlv": "foreign", "SEP001122334455.cnf.xml": "foreign", "ITLSEP00AA.tlv": "foreign"} {
		ok(t, os.WriteFile(path(name), []byte(text), 0o600))
	}
	wantOutcomes(t, h.write(dir, nil),
		"ITLFile.tlv unchanged", "CTLFile.tlv unchanged", "ITLSEP001122334455.tlv unchanged")
	if info, err := os.Stat(path("ITLFile.tlv")); err != nil || !info.ModTime().Equal(time.Unix(1000, 0)) {
		t.Errorf("a file that is as it should be has the time %v, %v", info.ModTime(), err)
	}

	h.order("SEP001122334455", store.RSAOnly)
	h.order("SEP001122334466", store.ECPreferred)
	h.order("SEP001122334477", store.ECPreferred)
	h.Set("trust_list_digest", "sha512")
	wantOutcomes(t, h.write(dir, nil),
		"ITLFile.tlv written", "CTLFile.tlv written", "ITLSEP001122334466.tlv kept", "ITLSEP001122334477.tlv written",
		"ITLSEP001122334455.tlv removed")
	for name, want := range map[string]string{"ITLSEP001122334466.tlv": "foreign", "SEP001122334455.cnf.xml": "foreign", "ITLSEP00AA.tlv": "foreign"} {
		if text, err := os.ReadFile(path(name)); err != nil || string(text) != want {
			t.Errorf("%s is %q, %v", name, text, err)
		}
	}
	wantOutcomes(t, h.write(dir, func(w *lists.Writing) { w.Replace = true })[2:], "ITLSEP001122334466.tlv written", "ITLSEP001122334477.tlv unchanged")
	sums(t, dir)

	// One of ours that somebody has changed is his; a folder in the way stays.
	ok(t, os.WriteFile(path("ITLSEP001122334477.tlv"), []byte("changed"), 0o600))
	ok(t, os.Remove(path("CTLFile.tlv")))
	ok(t, os.Mkdir(path("CTLFile.tlv"), 0o700))
	h.order("SEP001122334466", store.RSAOnly)
	h.order("SEP001122334477", store.RSAOnly)
	wantOutcomes(t, h.write(dir, nil), "ITLFile.tlv unchanged", "CTLFile.tlv kept", "ITLSEP001122334466.tlv removed", "ITLSEP001122334477.tlv kept")
	wantOutcomes(t, h.write(dir, nil), "ITLFile.tlv unchanged", "CTLFile.tlv kept")
}

// sums has sha256sum compare the files with what capf says that it has written.
func sums(t testing.TB, dir string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sha256sum", "--check", "--strict", "--quiet", ".capf-trust-lists")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("sha256sum: %v\n%s", err, out)
	}
}

// TestInterrupted: what was written before an interruption is ours afterwards, although
// something has changed since.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	dir := t.TempDir()
	h.write(dir, nil)
	before, err := os.ReadFile(filepath.Join(dir, ".capf-trust-lists"))
	ok(t, err)
	h.Set("trust_list_digest", "sha512")
	// As a power failure leaves it: one file is new, the manifest names old and new.
	ok(t, os.Mkdir(filepath.Join(dir, "new"), 0o700))
	h.write(filepath.Join(dir, "new"), nil)
	fresh, err := os.ReadFile(filepath.Join(dir, "new", "ITLFile.tlv"))
	ok(t, err)
	after, err := os.ReadFile(filepath.Join(dir, "new", ".capf-trust-lists"))
	ok(t, err)
	ok(t, os.WriteFile(filepath.Join(dir, "ITLFile.tlv"), fresh, 0o600))
	strange := "zz  ITLFile.tlv\n" + strings.Repeat("0", 64) + "  ../ITLFile.tlv\n" + strings.Repeat("0", 64) + "  passwd\n\n"
	ok(t, os.WriteFile(filepath.Join(dir, ".capf-trust-lists"), []byte(string(before)+strange+string(after)), 0o600))
	h.Set("trust_list_digest", "sha1")
	wantOutcomes(t, h.write(dir, nil), "ITLFile.tlv written", "CTLFile.tlv written")
	sums(t, dir)
}

// TestLockedFolder: whoever can read the folder can lock it. That keeps nobody from
// stopping what waits for it, and the folder as it is.
func TestLockedFolder(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	dir := t.TempDir()
	other, err := os.Open(dir)
	ok(t, err)
	defer other.Close()
	ok(t, syscall.Flock(int(other.Fd()), syscall.LOCK_SH))
	at, err := lists.OpenFolder(dir)
	ok(t, err)
	defer at.Close()
	w := lists.Writing{Store: h.Rules.Store.Reader, Composer: h.composer()}
	tell := func(lists.WrittenFile) error { return nil }
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- w.Write(ctx, at, tell) }()
	stop()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
	if all, err := os.ReadDir(dir); err != nil || len(all) > 0 {
		t.Errorf("it has written %v, %v", all, err)
	}
	ok(t, other.Close())
	ok(t, w.Write(t.Context(), at, tell))
}

// TestFolderTrouble: a folder that is not there, and one with the database, which is for
// nobody.
func TestFolderTrouble(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, err := settings.Set(t.Context(), h.Rules.Store, devicestest.Operator, settings.ListFolder, filepath.Dir(h.Rules.Store.Path()))
	if !errors.Is(err, apperr.ErrRefused) || !strings.Contains(err.Error(), "has the database in it") {
		t.Errorf("the folder of the database: %v", err)
	}
	if _, err := lists.OpenFolder(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the error is %v", err)
	}
}

// watched hears what a keeper does.
type watched struct {
	mu              sync.Mutex
	written, failed int
}

func (w *watched) ListsWritten(written, removed int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.written += written
}

func (w *watched) ListsFailed() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failed++
}

// TestKeeper: the folder follows what changes, by itself.
func TestKeeper(t *testing.T) {
	t.Parallel()
	h := house{House: devicestest.New(t)}
	h.Init()
	dir, doings := t.TempDir(), &watched{}
	k := lists.NewKeeper(h.Rules.Store.Reader, h.Rules.Sealer, doings, slog.New(slog.DiscardHandler))
	k.Poll = time.Millisecond
	ctx, stop := context.WithCancel(t.Context())
	var done sync.WaitGroup
	done.Go(func() { k.Run(ctx) })
	defer done.Wait()
	defer stop()
	eventually := func(what string, is func() bool) {
		t.Helper()
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for end := time.Now().Add(time.Minute); !is(); <-tick.C {
			if time.Now().After(end) {
				t.Fatalf("not %s: %+v", what, k.Report())
			}
		}
	}
	has := func(name string) bool { _, err := os.Stat(filepath.Join(dir, name)); return err == nil }
	content := func(name string) string { data, _ := os.ReadFile(filepath.Join(dir, name)); return string(data) }
	trouble := func() string {
		if r := k.Report(); r != nil {
			return r.Trouble
		}
		return ""
	}

	h.Set("trust_list_folder", dir)
	eventually("without keys", func() bool { return strings.Contains(trouble(), "no keys") })
	with := newKeys(h)
	eventually("written", func() bool { return has("CTLFile.tlv") && trouble() == "" })
	h.Add("SEP001122334455", devices.Edit{})
	h.order("SEP001122334455", store.ECOnly)
	eventually("with one for the device", func() bool { return has("ITLSEP001122334455.tlv") })
	before := content("ITLFile.tlv")
	if _, _, err := h.CAPF().Regenerate(t.Context(), devicestest.Operator, nil, 2048, authority.Delay{}); err != nil {
		t.Fatal(err)
	}
	eventually("with the new CAPF certificate", func() bool { return content("ITLFile.tlv") != before })
	ok(t, h.Rules.Store.DeleteDevice(t.Context(), devicestest.Operator, "SEP001122334455"))
	eventually("without the device", func() bool { return !has("ITLSEP001122334455.tlv") })

	// A file that is not ours is in the way until an operator has decided.
	ok(t, os.WriteFile(filepath.Join(dir, "ITLFile.tlv"), []byte("foreign"), 0o600))
	h.Set("trust_list_digest", "sha512")
	eventually("in the way", func() bool { return strings.Contains(trouble(), "in the way") })
	with.write(dir, func(w *lists.Writing) { w.Replace = true })
	eventually("over", func() bool { return trouble() == "" })
	h.Set("trust_list_folder", "none")
	eventually("given up", func() bool { return k.Report() == nil })
	doings.mu.Lock()
	defer doings.mu.Unlock()
	if doings.written < 7 || doings.failed == 0 {
		t.Errorf("it told of %+v", fmt.Sprint(doings.written, doings.failed))
	}
}

// TestFolderAfterAKill: what a writer that was killed has left behind is gone after the next
// one; files of other programs stay, and so does everything in a rehearsal.
func TestFolderAfterAKill(t *testing.T) {
	t.Parallel()
	h, dir := newHouse(t), t.TempDir()
	h.write(dir, nil)
	left := []string{".ITLFile.tlv.4711", ".CTLSEP001122334455.tlv.0", "..capf-trust-lists.12"}
	foreign := []string{".ITLFile.tlv", ".ITLFile.tlv.swp", ".SEP001122334455.cnf.xml.12", "ITLFile.tlv.12", ".12", ".note.1x"}
	for _, name := range slices.Concat(left, foreign) {
		ok(t, os.WriteFile(filepath.Join(dir, name), []byte("half"), 0o600))
	}
	there := func(names []string, want bool) {
		t.Helper()
		for _, name := range names {
			if _, err := os.Lstat(filepath.Join(dir, name)); (err == nil) != want {
				t.Errorf("%s is there: %v", name, !want)
			}
		}
	}
	h.write(dir, func(w *lists.Writing) { w.DryRun = true })
	there(left, true)
	wantOutcomes(t, h.write(dir, nil), "ITLFile.tlv unchanged", "CTLFile.tlv unchanged")
	there(left, false)
	there(foreign, true)
}

// TestFolderWhileListsChange: files that were written while what lists show has changed
// are of one moment, and count as ours later.
func TestFolderWhileListsChange(t *testing.T) {
	t.Parallel()
	h, dir := newHouse(t), t.TempDir()
	for i := range 200 {
		name := fmt.Sprintf("SEP00112233%04X", i)
		h.Add(name, devices.Edit{})
		h.order(name, store.ECOnly)
	}
	var changing sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	defer changing.Wait()
	defer stop()
	changing.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			err := h.Rules.Store.SetParameter(context.WithoutCancel(ctx), devicestest.Operator, "trust_list_digest", []string{"sha1", "sha512"}[i%2])
			if err != nil {
				t.Error(err)
				return
			}
		}
	})
	for range 5 {
		shared := lists.Variant{Digest: trustlist.SHA1, SignerVersion: trustlist.SignerVersion10}
		for _, outcome := range h.write(dir, func(w *lists.Writing) { w.Shared = &shared }) {
			if strings.HasSuffix(outcome, string(lists.FileKept)) {
				t.Errorf("%s, which capf has written", outcome)
			}
		}
	}
}
