package files

import (
	"errors"
	"fmt"
	"io"
	"os"

	"capf/internal/apperr"
	"capf/internal/durable"
)

// File is a file that is to be written. It appears complete and on the disk, or
// not at all.
type File struct {
	Door
	Name string
	Mode os.FileMode
	Keep bool // refuse to replace a file that exists
}

// Write lets fill write the contents.
func (f File) Write(fill func(io.Writer) error) error {
	at, base, err := f.Parent(f.Name)
	if err != nil {
		return fmt.Errorf("writing %q: %w", f.Name, apperr.WithoutPath(err))
	}
	defer at.Close()
	if err := f.free(at, base); err != nil {
		return err
	}
	out := durable.File{Folder: at, Name: base, Mode: f.Mode, Place: f.place(f)}
	if err := out.Write(func(temp *os.File) error { return fill(temp) }); err != nil {
		return fmt.Errorf("writing %q: %w", f.Name, apperr.WithoutPath(err))
	}
	return nil
}

// free says why the file must not be put in its place. A place that cannot be
// examined is mostly empty; any other reason comes up again when the file is
// written.
func (f File) free(at *os.Root, base string) error {
	info, err := at.Lstat(base)
	if err != nil {
		return nil
	}
	if !info.Mode().IsRegular() {
		return apperr.Refused("%q is not a regular file", f.Name)
	}
	if err := f.mayReplace(at, base, f.Name); err != nil {
		return err
	}
	if f.Keep {
		return apperr.WithHint(apperr.Refused("%q exists already", f.Name), "--force replaces it")
	}
	return nil
}

// Write writes a result into a file that everybody may read. It appears complete or
// not at all, unless it is a device, a pipe or a link of the system, such as
// /dev/stdout: those get the bytes and stay what they are. Force replaces a file
// where the door demands that this be said.
func Write(d Door, name string, force bool, data []byte) error {
	if d == (System{}) {
		switch info, err := os.Lstat(name); {
		case err != nil || info.Mode().IsRegular():
		case info.IsDir():
			return apperr.Usage("writing %q: it is a directory, not a file", name)
		default:
			return writeThrough(name, data)
		}
	}
	return File{d, name, 0o644, d.keeps() && !force}.Write(wholly(data))
}

// writeThrough writes into what has the name, instead of replacing it.
func writeThrough(name string, data []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_TRUNC, 0)
	if err == nil {
		_, err = f.Write(data)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return fmt.Errorf("writing %q: %w", name, apperr.WithoutPath(err))
	}
	return nil
}

// Replace writes a file, whether or not it exists.
func Replace(d Door, name string, data []byte, mode os.FileMode) error {
	return File{d, name, mode, false}.Write(wholly(data))
}

func wholly(data []byte) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	}
}
