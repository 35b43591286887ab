package lists

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"sync"

	"capf/enroll/settings"
	"capf/enroll/trustlist"
	"capf/internal/apperr"
	"capf/internal/durable"
	"capf/store"
)

// FileOutcome is what became of a file in a folder of lists.
type FileOutcome string

// The outcomes.
const (
	FileWritten   FileOutcome = "written"
	FileUnchanged FileOutcome = "unchanged"
	FileRemoved   FileOutcome = "removed"
	FileKept      FileOutcome = "kept" // it is in the way, and capf has not written it
)

// WrittenFile is a file in a folder of lists.
type WrittenFile struct {
	Name    string
	Outcome FileOutcome
	Device  string // whose own it is; "" for all
	Variant Variant
	Size    int    // in bytes; 0 of one that is not wanted
	Why     string // it is there, or is kept
}

// Writing has a folder hold the lists of phones, and what of it was ours and is not
// wanted any more removed. What capf has not written stays as it is.
type Writing struct {
	Store    *store.Reader
	Composer *Composer
	Shared   *Variant // in place of the one that parameters say
	Replace  bool     // also what capf has not written
	DryRun   bool
}

// OpenFolder opens a folder of lists.
func OpenFolder(path string) (*os.Root, error) {
	at, err := os.OpenRoot(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, apperr.WithHint(fmt.Errorf("opening folder %q: %w", path, apperr.WithoutPath(err)), "make it, for the user as whom capf runs")
	}
	if err != nil {
		return nil, fmt.Errorf("opening folder %q: %w", path, apperr.WithoutPath(err))
	}
	return at, nil
}

// wanted is a file that is to be in the folder.
type wanted struct {
	WrittenFile
	data []byte
	hash hash
}

// Write brings the folder up to date, and tells of each file. Each of them appears whole
// or not at all. The error is ErrNone when there are no lists.
func (w Writing) Write(ctx context.Context, at *os.Root, tell func(WrittenFile) error) error {
	_, err := w.write(ctx, at, tell)
	return err
}

// write is Write, and returns what devices have of their own, by their lower-case names.
func (w Writing) write(ctx context.Context, at *os.Root, tell func(WrittenFile) error) (own map[string]string, err error) {
	locked, unlock, err := lockFolder(ctx, at, w.DryRun)
	if err != nil {
		return nil, err
	}
	defer unlock()
	// Who waited for the lock must not put lists of before over those of who had it.
	files, own, err := w.files(ctx)
	if err != nil {
		return nil, err
	}
	if locked && !w.DryRun {
		durable.Sweep(at, isOurs)
	}
	return own, w.bring(ctx, at, files, tell)
}

// bring brings the folder up to date with files.
func (w Writing) bring(ctx context.Context, at *os.Root, files []wanted, tell func(WrittenFile) error) error {
	ours, err := readManifest(at)
	if err != nil {
		return err
	}
	var due []wanted
	next := manifest{}
	for i := range files {
		if err := w.look(at, ours, &files[i]); err != nil {
			return err
		}
		switch files[i].Outcome {
		case FileWritten:
			due = append(due, files[i])
			next.add(files[i].Name, files[i].hash)
		case FileUnchanged:
			next.add(files[i].Name, files[i].hash)
		}
	}
	gone, err := leftOver(at, ours, files)
	if err != nil {
		return err
	}
	if !w.DryRun {
		if err := carryOut(ctx, at, ours, next, due, gone); err != nil {
			return err
		}
	}
	for _, f := range files {
		if err := tell(f.WrittenFile); err != nil {
			return err
		}
	}
	for _, f := range gone {
		if err := tell(f); err != nil {
			return err
		}
	}
	return nil
}

// files are what is to be in the folder, those for all first, and what devices have of
// their own, by their lower-case names.
func (w Writing) files(ctx context.Context) (files []wanted, own map[string]string, err error) {
	shared, err := w.shared(ctx)
	if err != nil {
		return nil, nil, err
	}
	edition, err := w.Composer.current(ctx) // one for all files, whatever changes meanwhile
	if err != nil {
		return nil, nil, err
	}
	own = map[string]string{}
	hashes := map[finished]hash{} // devices with a variant share its bytes
	add := func(k trustlist.Kind, name string, f DeviceFiles) error {
		data, err := edition.list(k, f.Variant)
		if err != nil {
			return err
		}
		sum, known := hashes[finished{k, f.Variant}]
		if !known {
			sum = sha256.Sum256(data)
			hashes[finished{k, f.Variant}] = sum
		}
		files = append(files, wanted{WrittenFile{Name: name, Device: f.Device, Variant: f.Variant, Size: len(data), Why: f.Reason()}, data, sum})
		return nil
	}
	for _, k := range []trustlist.Kind{trustlist.ITL, trustlist.CTL} {
		if err := add(k, k.FileName(), DeviceFiles{Variant: shared}); err != nil {
			return nil, nil, err
		}
	}
	for d, err := range w.Store.Devices(ctx, store.DeviceFilter{}) {
		if err != nil {
			return nil, nil, err
		}
		f := shared.Files(d)
		if f.Kinds == nil {
			continue
		}
		own[strings.ToLower(d.Name)] = f.summary()
		for _, k := range f.Kinds {
			if err := add(k, k.OwnName(f.Device), f); err != nil {
				return nil, nil, err
			}
		}
	}
	return files, own, nil
}

func (w Writing) shared(ctx context.Context) (Variant, error) {
	if w.Shared != nil {
		return *w.Shared, nil
	}
	set, err := settings.Read(ctx, w.Store)
	if err != nil {
		return Variant{}, err
	}
	return Shared(set)
}

// look says what is to become of a file.
func (w Writing) look(at *os.Root, ours manifest, f *wanted) error {
	had, err := contents(at, f.Name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.Outcome = FileWritten
	case err != nil && !errors.Is(err, errNoFile):
		return fmt.Errorf("reading %q: %w", f.Name, err)
	case err == nil && bytes.Equal(had, f.data):
		f.Outcome = FileUnchanged
	case err == nil && (w.Replace || ours.has(f.Name, sha256.Sum256(had))):
		f.Outcome = FileWritten
	default:
		f.Outcome, f.Why = FileKept, "capf has not written the file of that name"
	}
	return nil
}

// errNoFile says that a name belongs to something else than a file.
var errNoFile = errors.New("it is no file")

// contents reads a file of lists. One that is too long for a list is not read: its bytes
// are those of no list of ours.
func contents(at *os.Root, name string) ([]byte, error) {
	info, err := at.Lstat(name)
	switch {
	case err != nil:
		return nil, apperr.WithoutPath(err)
	case !info.Mode().IsRegular():
		return nil, errNoFile
	case info.Size() > trustlist.MaxFile:
		return nil, nil
	}
	data, err := at.ReadFile(name)
	return data, apperr.WithoutPath(err)
}

// leftOver are files of ours that are not wanted any more. One that somebody else has
// changed is his.
func leftOver(at *os.Root, ours manifest, files []wanted) (gone []WrittenFile, err error) {
	still := map[string]bool{}
	for _, f := range files {
		still[f.Name] = true
	}
	for _, name := range ours.names() {
		if still[name] {
			continue
		}
		f := WrittenFile{Name: name, Outcome: FileRemoved, Why: "no device has it for its own any more"}
		_, f.Device = trustlist.ParseFileName(name)
		had, err := contents(at, name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil && !errors.Is(err, errNoFile):
			return nil, fmt.Errorf("reading %q: %w", name, err)
		case err != nil || !ours.has(name, sha256.Sum256(had)):
			f.Outcome, f.Why = FileKept, "it was changed since capf has written it"
		}
		gone = append(gone, f)
	}
	return gone, nil
}

// carryOut writes and removes. Before it does, the manifest says what will be ours, and
// afterwards what is, so that nothing of ours counts as foreign if this is interrupted.
func carryOut(ctx context.Context, at *os.Root, ours, next manifest, due []wanted, gone []WrittenFile) error {
	if len(due) > 0 {
		if err := ours.with(next).write(at); err != nil {
			return err
		}
		if err := writeAll(ctx, at, due); err != nil {
			return err
		}
	}
	for _, f := range gone {
		if f.Outcome != FileRemoved {
			continue
		}
		if err := at.Remove(f.Name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing %q: %w", f.Name, apperr.WithoutPath(err))
		}
	}
	if next.equal(ours) && len(due) == 0 {
		return nil
	}
	return next.write(at)
}

// writeAll writes several files at a time: what takes long is that the disk says when it
// has one.
func writeAll(ctx context.Context, at *os.Root, due []wanted) error {
	queue, failed := make(chan wanted), make(chan error, 1)
	var writers sync.WaitGroup
	for range min(len(due), 4*runtime.GOMAXPROCS(0)) {
		writers.Go(func() {
			for f := range queue {
				if err := writeList(at, f); err != nil {
					select {
					case failed <- err:
					default: // one is enough
					}
				}
			}
		})
	}
	var err error
	for _, f := range due {
		select {
		case queue <- f:
			continue
		case err = <-failed:
		case <-ctx.Done():
			err = ctx.Err()
		}
		break
	}
	close(queue)
	writers.Wait()
	if err == nil && len(failed) > 0 {
		err = <-failed
	}
	return err
}

func writeList(at *os.Root, f wanted) error {
	file := durable.File{Folder: at, Name: f.Name, Mode: 0o644, Place: durable.Replace}
	err := file.Write(func(temp *os.File) error {
		_, err := temp.Write(f.data)
		return err
	})
	if err != nil {
		return fmt.Errorf("writing %q: %w", f.Name, err)
	}
	return nil
}
