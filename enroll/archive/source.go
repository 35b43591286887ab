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

// Files is where sources are opened: the file system, or a folder that no link
// leaves.
type Files interface {
	Stat(name string) (fs.FileInfo, error)
	Open(name string) (*os.File, error)
}

// Path is a file, or a folder whose files are read, not those of folders in it.
// The error is apperr.ErrRefused for anything else, or that of the file system. What
// counts is what is opened when the source is read.
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

// unread takes the operation and the path off an error, which names them already.
func unread(path string, err error) error {
	var system *fs.PathError
	if errors.As(err, &system) {
		err = system.Err
	}
	return fmt.Errorf("reading %q: %w", path, err)
}
