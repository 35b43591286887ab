package lists

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"syscall"
	"time"

	"capf/crypto"
	"capf/enroll/settings"
	"capf/internal/apperr"
	"capf/internal/backoff"
	"capf/internal/plural"
	"capf/store"
)

// Doings hear what a Keeper does.
type Doings interface {
	// ListsWritten says how many files were written, and how many removed.
	ListsWritten(written, removed int)
	// ListsFailed says that the folder could not be brought up to date.
	ListsFailed()
}

// Keeper has the folder of the parameter trust_list_folder hold the lists that phones
// should get, while serve runs. Make one with NewKeeper.
type Keeper struct {
	Poll time.Duration // how often it looks for changes; 500 ms

	writing  Writing
	log      *slog.Logger
	doings   Doings
	failures backoff.Backoff
	seen     int64     // the newest event that was looked at; -1 for none
	kept     *kept     // what is in the folder; nil where that is not known
	rest     time.Time // until when it does not write

	mu     sync.Mutex
	report *store.ListFolder // guarded by mu
}

// kept is what a folder was brought up to date with.
type kept struct {
	folder  string
	changed time.Time
	shared  Variant
	own     map[string]string // what devices have of their own, by lower-case name
	at      time.Time         // with monotonic time, so that setting the clock has no effect
	none    error             // there are no lists
}

// again is how old a folder may be until it is looked at without a reason: somebody may
// have removed or changed files.
const again = 10 * time.Minute

// NewKeeper makes a keeper that has done nothing yet.
func NewKeeper(s *store.Reader, sealer *crypto.Sealer, doings Doings, log *slog.Logger) *Keeper {
	return &Keeper{
		Poll: 500 * time.Millisecond, writing: Writing{Store: s, Composer: NewComposer(s, sealer)}, log: log, doings: doings, seen: -1,
		failures: backoff.Backoff{Log: log, Doing: "cannot keep the folder of trust lists up to date"},
	}
}

// Run keeps the folder until ctx ends.
func (k *Keeper) Run(ctx context.Context) {
	tick := time.NewTicker(k.Poll)
	defer tick.Stop()
	for {
		k.look(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Report is what serve reports of the folder; nil while there is none to keep.
func (k *Keeper) Report() *store.ListFolder {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.report
}

// look brings the folder up to date if something has changed. What goes wrong is tried
// again after a while.
func (k *Keeper) look(ctx context.Context) {
	if k.failures.Remaining() > 0 || time.Now().Before(k.rest) {
		return
	}
	folder, err := k.keep(ctx)
	switch {
	case ctx.Err() != nil:
		return
	case err == nil, errors.Is(err, ErrNone):
		k.failures.Succeeded()
	default:
		k.kept = nil
		k.failures.Failed(err, "folder", folder)
		k.doings.ListsFailed()
	}
	k.tell(folder, err)
}

// tell keeps how the folder is, for those who ask.
func (k *Keeper) tell(folder string, err error) {
	var report *store.ListFolder
	if folder != "" {
		report = &store.ListFolder{Folder: folder}
	}
	if folder != "" && err != nil {
		report.Trouble, report.Hint = err.Error(), apperr.Hint(err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.report = report
}

// keep returns the folder; "" when there is none to keep.
func (k *Keeper) keep(ctx context.Context) (folder string, err error) {
	changes, err := k.writing.Store.Changes(ctx, k.seen)
	if err != nil {
		return "", err
	}
	old := k.kept == nil || time.Since(k.kept.at) > again
	if !old && changes.Until == k.seen {
		return k.kept.folder, k.kept.none
	}
	want, err := k.want(ctx)
	if err != nil {
		return "", err
	}
	due := old || changes.Anything || !k.kept.same(want)
	if !due {
		if due, err = k.touched(ctx, changes); err != nil {
			return want.folder, err
		}
	}
	switch {
	case !due:
		want.own, want.at, want.none = k.kept.own, k.kept.at, k.kept.none
	case want.folder != "":
		// With very many devices, a pass takes long. Phones that enroll meanwhile are no
		// reason to begin the next one at once.
		began := time.Now()
		err = k.pass(ctx, &want)
		k.rest = time.Now().Add(2 * time.Since(began))
		fallthrough
	default:
		want.at = time.Now()
	}
	if errors.Is(err, ErrNone) {
		want.none, err = err, nil
	}
	if err != nil {
		return want.folder, err
	}
	k.kept, k.seen = &want, changes.Until
	return want.folder, want.none
}

// want is what the folder should be brought up to date with.
func (k *Keeper) want(ctx context.Context) (w kept, err error) {
	set, err := settings.Read(ctx, k.writing.Store)
	if err != nil {
		return w, err
	}
	w.folder = set.ListFolder
	if w.shared, err = Shared(set); err != nil {
		return w, err
	}
	w.changed, err = k.writing.Store.ListsChanged(ctx)
	return w, err
}

// same leaves out the devices.
func (v *kept) same(w kept) bool {
	return v.folder == w.folder && v.changed.Equal(w.changed) && v.shared == w.shared
}

// touched says whether one of the devices that have changed has other lists of its own
// than before.
func (k *Keeper) touched(ctx context.Context, changes store.Changes) (bool, error) {
	for name := range maps.Keys(changes.Devices) {
		own := ""
		d, err := k.writing.Store.Device(ctx, name)
		switch {
		case err == nil:
			own = k.kept.shared.Files(d).summary()
		case !errors.Is(err, store.ErrNotFound):
			return false, err
		}
		if own != k.kept.own[name] {
			return true, nil
		}
	}
	return false, nil
}

// summary tells the lists that devices have of their own apart; "" for none.
func (f DeviceFiles) summary() string {
	if f.Kinds == nil {
		return ""
	}
	return fmt.Sprint(f.Kinds, f.Variant)
}

// pass brings the whole folder up to date.
func (k *Keeper) pass(ctx context.Context, want *kept) error {
	w := k.writing
	w.Shared = &want.shared
	if _, err := w.Composer.current(ctx); err != nil {
		return err // without lists, it does not matter how the folder is
	}
	if err := settings.CheckPublicFolder(want.folder, w.Store.Path()); err != nil {
		return err
	}
	at, err := OpenFolder(want.folder)
	if err != nil {
		return err
	}
	defer at.Close()
	var inTheWay []string
	counts := map[FileOutcome]int{}
	want.own, err = w.write(ctx, at, func(f WrittenFile) error {
		counts[f.Outcome]++
		if f.Outcome == FileKept {
			inTheWay = append(inTheWay, f.Name)
		}
		return nil
	})
	if err != nil {
		return readOnly(err, want.folder)
	}
	if counts[FileWritten]+counts[FileRemoved] > 0 {
		k.doings.ListsWritten(counts[FileWritten], counts[FileRemoved])
		k.log.Info("trust lists are written", "folder", want.folder, "written", counts[FileWritten], "unchanged", counts[FileUnchanged], "removed", counts[FileRemoved])
	}
	if inTheWay != nil {
		return apperr.WithHint(apperr.Refused("in the way, because capf has not written it: %s, as %s", plural.Of(len(inTheWay), "file"), strings.Join(inTheWay[:min(len(inTheWay), 3)], ", ")),
			"if it may be replaced: capf trust-list write --replace")
	}
	return nil
}

// readOnly says what helps a service that may not write to a folder.
func readOnly(err error, folder string) error {
	if !errors.Is(err, syscall.EROFS) && !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return apperr.WithHint(err, "the user of serve has to be able to write there; under systemd, ReadWritePaths=%s in systemctl edit capf allows it", folder)
}
