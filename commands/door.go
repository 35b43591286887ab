package commands

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"capf/enroll/archive"
	"capf/internal/apperr"
	"capf/internal/durable"
)

// door leads to the files that an operator names: those of the system, or for a
// line of capf shell those of its folder.
type door interface {
	archive.Files
	// parent opens the folder of a file that is to be written, and says what the
	// file is called in it.
	parent(name string) (at *os.Root, base string, err error)
	// keeps says whether a file that is there is only replaced when asked for.
	keeps() bool
	// mayReplace says why a regular file that is there is not to be replaced at all.
	mayReplace(at *os.Root, base, name string) error
	// place gives what was written for a file its name.
	place(o outFile) durable.Place
}

func (env *Env) door() door {
	if env.confined != nil {
		return env.confined
	}
	return system{}
}

// system is the door to all files that the user may reach.
type system struct{}

// Stat is os.Stat.
func (system) Stat(name string) (fs.FileInfo, error) { return os.Stat(name) }

// Open is os.Open.
func (system) Open(name string) (*os.File, error) { return os.Open(name) }

func (system) parent(name string) (*os.Root, string, error) {
	at, err := os.OpenRoot(filepath.Dir(name))
	return at, filepath.Base(name), err
}

func (system) keeps() bool                               { return false }
func (system) mayReplace(*os.Root, string, string) error { return nil }

func (system) place(o outFile) durable.Place {
	if o.keep {
		return durable.New
	}
	return durable.Replace
}

// readFolder lists a folder, sorted by name.
func readFolder(d door, name string) ([]os.DirEntry, error) {
	folder, err := d.Open(name)
	if err != nil {
		return nil, fmt.Errorf("reading folder %q: %w", name, apperr.WithoutPath(err))
	}
	defer folder.Close()
	entries, err := folder.ReadDir(-1)
	if err != nil {
		return nil, fmt.Errorf("reading folder %q: %w", name, apperr.WithoutPath(err))
	}
	slices.SortFunc(entries, func(a, b os.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, nil
}

// outFile is a file that is to be written. It appears complete and on the disk, or
// not at all.
type outFile struct {
	door
	name string
	mode os.FileMode
	keep bool // one that is there
}

func (o outFile) write(fill func(io.Writer) error) error {
	at, base, err := o.parent(o.name)
	if err != nil {
		return fmt.Errorf("writing %q: %w", o.name, apperr.WithoutPath(err))
	}
	defer at.Close()
	if err := o.free(at, base); err != nil {
		return err
	}
	out := durable.File{Folder: at, Name: base, Mode: o.mode, Place: o.place(o)}
	if err := out.Write(func(temp *os.File) error { return fill(temp) }); err != nil {
		return fmt.Errorf("writing %q: %w", o.name, apperr.WithoutPath(err))
	}
	return nil
}

// free says why the place is not free. If it cannot be examined, mostly nothing is
// there; any other reason comes up again when the file is written.
func (o outFile) free(at *os.Root, base string) error {
	info, err := at.Lstat(base)
	if err != nil {
		return nil
	}
	if !info.Mode().IsRegular() {
		return apperr.Refused("%q is not a regular file", o.name)
	}
	if err := o.mayReplace(at, base, o.name); err != nil {
		return err
	}
	if o.keep {
		return apperr.WithHint(apperr.Refused("%q is there already", o.name), "--force replaces it")
	}
	return nil
}

// removeFile removes a file that is there; ErrNotExist says that none is.
func removeFile(d door, name string) error {
	at, base, err := d.parent(name)
	if err != nil {
		return err
	}
	defer at.Close()
	return at.Remove(base)
}
