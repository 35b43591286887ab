package archive

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"capf/internal/apperr"
)

// Source is where certificates come from: a file, a folder or a stream.
type Source struct {
	Name   string
	stream io.Reader // nil for a path
	files  Files
}

// Stream is a source that can be read once, such as standard input.
func Stream(name string, r io.Reader) Source {
	return Source{Name: name, stream: r}
}

// Files opens sources: in the file system, or below a folder that no link can
// leave.
type Files interface {
	Stat(name string) (fs.FileInfo, error)
	Open(name string) (*os.File, error)
}

// Path returns the source for a file, or for a folder, whose files are read but not
// those of its subfolders. The error is apperr.ErrRefused for anything else, or that
// of the file system. The check is repeated on what is opened when the source is
// read.
func Path(files Files, path string) (Source, error) {
	info, err := files.Stat(path)
	if err != nil {
		return Source{}, unread(path, err)
	}
	return Source{Name: path, files: files}, readable(path, info)
}

func readable(path string, info fs.FileInfo) error {
	if !info.IsDir() && !info.Mode().IsRegular() && info.Mode()&fs.ModeNamedPipe == 0 {
		return apperr.Refused("%q is neither a file nor a folder", path)
	}
	return nil
}

// unread says which source could not be read, without the operation and the path
// in the error of the file system.
func unread(path string, err error) error {
	var system *fs.PathError
	if errors.As(err, &system) {
		err = system.Err
	}
	return fmt.Errorf("reading %q: %w", path, err)
}
