// Package files is the door to the files that an operator names: those of the
// system or, for a line of capf shell, those of its folder. Nothing else in
// commands opens one by its name. It must not know the command, the database or
// what a file is for.
package files

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"capf/enroll/archive"
	"capf/internal/apperr"
	"capf/internal/durable"
)

// Door leads to files. There are two: [System] and [Folder].
type Door interface {
	archive.Files
	// Parent opens the folder of a file that is to be written, and says what the
	// file is called in it. The caller closes the folder.
	Parent(name string) (at *os.Root, base string, err error)
	// keeps says whether a file that exists is replaced only on demand.
	keeps() bool
	// mayReplace says why an existing regular file must not be replaced at all.
	mayReplace(at *os.Root, base, name string) error
	// place gives the file its name once its contents are complete.
	place(f File) durable.Place
}

// System is the door to all files that the user may reach.
type System struct{}

// Stat is os.Stat.
func (System) Stat(name string) (fs.FileInfo, error) { return os.Stat(name) }

// Open is os.Open.
func (System) Open(name string) (*os.File, error) { return os.Open(name) }

// Parent opens the folder as the system resolves its name.
func (System) Parent(name string) (*os.Root, string, error) {
	at, err := os.OpenRoot(filepath.Dir(name))
	return at, filepath.Base(name), err
}

func (System) keeps() bool                               { return false }
func (System) mayReplace(*os.Root, string, string) error { return nil }

func (System) place(f File) durable.Place {
	if f.Keep {
		return durable.New
	}
	return durable.Replace
}

// ReadFolder lists a folder, sorted by name.
func ReadFolder(d Door, name string) ([]os.DirEntry, error) {
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

// Remove removes a file. The error is fs.ErrNotExist if there is none.
func Remove(d Door, name string) error {
	at, base, err := d.Parent(name)
	if err != nil {
		return err
	}
	defer at.Close()
	return at.Remove(base)
}
