// Package durable writes files that are complete or absent, even after a power
// failure. It must not know what is in them.
package durable

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"capf/internal/apperr"
)

// Place gives the temporary file, which is complete and on disk, its name. Both names
// are relative to the folder at.
type Place func(at *os.Root, temp, name string) error

// Replace is the Place that replaces an existing file.
func Replace(at *os.Root, temp, name string) error { return at.Rename(temp, name) }

// New is the Place for a file that must not exist; otherwise the error is
// fs.ErrExist. It makes a hard link, which fails then, whereas a rename does not.
// Where the file system has no links, it can only look first.
func New(at *os.Root, temp, name string) error {
	err := at.Link(temp, name)
	switch {
	case err == nil:
		return at.Remove(temp)
	case errors.Is(err, fs.ErrExist):
		return err
	}
	if _, err := at.Lstat(name); err == nil {
		return fs.ErrExist
	}
	return at.Rename(temp, name)
}

// File is a file to be written.
type File struct {
	Folder *os.Root
	Name   string      // in the folder
	Mode   fs.FileMode // regardless of the umask; 0 means 0600
	Place  Place
	// Beside are the suffixes of files that writing leaves beside the temporary file, as
	// SQLite does. They are removed with it.
	Beside []string
}

// Write lets fill write a temporary file in the same folder, which only its owner may
// read, syncs it to disk and gives it its name. If anything fails before that, the
// temporary file is removed. Errors of package os come without the path, which would
// be the temporary file's.
func (f File) Write(fill func(temp *os.File) error) error {
	return apperr.WithoutPath(f.write(fill))
}

func (f File) write(fill func(*os.File) error) (err error) {
	temp, err := f.create()
	if err != nil {
		return err
	}
	name := filepath.Base(temp.Name())
	defer func() {
		if err != nil {
			temp.Close() // it may be closed already
			f.remove(name)
		}
	}()
	if err := fill(temp); err != nil {
		return err
	}
	if f.Mode != 0 {
		if err := temp.Chmod(f.Mode); err != nil {
			return err
		}
	}
	if err := temp.Sync(); err != nil {
		return err
	}
	if err := temp.Close(); err != nil {
		return err
	}
	if err := f.Place(f.Folder, name, f.Name); err != nil {
		return err
	}
	return SyncFolder(f.Folder)
}

// create creates the temporary file. nameOfTemporary recognises it by its name, which
// begins with a dot and ends in a number.
func (f File) create() (*os.File, error) {
	for {
		name := f.prefix() + strconv.FormatUint(uint64(rand.Uint32()), 10)
		temp, err := f.Folder.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if !errors.Is(err, fs.ErrExist) {
			return temp, err
		}
	}
}

func (f File) prefix() string { return "." + f.Name + "." }

func (f File) remove(temp string) {
	f.Folder.Remove(temp)
	for _, end := range f.Beside {
		f.Folder.Remove(temp + end)
	}
}

// abandonedAge is the age from which a temporary file counts as abandoned.
const abandonedAge = 24 * time.Hour

// RemoveAbandoned removes the temporary files for the same name whose writers were
// killed. It only tidies up, so it ignores errors.
func (f File) RemoveAbandoned() {
	sweep(f.Folder, abandonedAge, f.Beside, func(name string) bool { return name == f.Name })
}

// Sweep removes the temporary files for all names of a kind, for a caller who knows that
// nobody is writing such a file now. It only tidies up, so it ignores errors.
func Sweep(folder *os.Root, ofKind func(name string) bool) { sweep(folder, 0, nil, ofKind) }

func sweep(folder *os.Root, age time.Duration, beside []string, ofKind func(name string) bool) {
	entries, err := fs.ReadDir(folder.FS(), ".")
	if err != nil {
		return
	}
	for _, e := range entries {
		if name, ok := nameOfTemporary(e.Name(), beside); !ok || !ofKind(name) {
			continue
		}
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() && time.Since(info.ModTime()) >= age {
			folder.Remove(e.Name())
		}
	}
}

// nameOfTemporary is the name that a temporary file was to get.
func nameOfTemporary(temp string, beside []string) (name string, ok bool) {
	for _, end := range beside {
		temp = strings.TrimSuffix(temp, end)
	}
	rest, hidden := strings.CutPrefix(temp, ".")
	dot := strings.LastIndexByte(rest, '.')
	if !hidden || dot < 0 {
		return "", false
	}
	_, err := strconv.ParseUint(rest[dot+1:], 10, 64)
	return rest[:dot], err == nil
}

// Write is File.Write for a path and the contents.
func Write(path string, mode fs.FileMode, place Place, data []byte) error {
	folder, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return apperr.WithoutPath(err)
	}
	defer folder.Close()
	return File{Folder: folder, Name: filepath.Base(path), Mode: mode, Place: place}.Write(func(temp *os.File) error {
		_, err := temp.Write(data)
		return err
	})
}

// SyncFolder syncs a folder to disk. Otherwise a renamed file may have its old name
// after a power failure. Some network file systems cannot do that, and report an
// invalid argument; that is not an error.
func SyncFolder(at *os.Root) error {
	folder, err := at.Open(".")
	if err != nil {
		return err
	}
	defer folder.Close()
	if err := folder.Sync(); !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOTSUP) {
		return err
	}
	return nil
}

// SyncFolderAt is SyncFolder for a path.
func SyncFolderAt(path string) error {
	folder, err := os.OpenRoot(path)
	if err != nil {
		return err
	}
	defer folder.Close()
	return SyncFolder(folder)
}
