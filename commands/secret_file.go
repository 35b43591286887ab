package commands

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"capf/commands/internal/files"
	"capf/internal/apperr"
	"capf/internal/durable"
)

// secretFile is a new file with secrets, which only its owner can read.
type secretFile struct {
	file *os.File
	at   *os.Root // the folder of the file
	name string
}

// newSecretFile creates the file, and fails if it exists.
func newSecretFile(d files.Door, name string) (*secretFile, error) {
	at, base, err := d.Parent(name)
	if err != nil {
		return nil, fmt.Errorf("writing %q: %w", name, apperr.WithoutPath(err))
	}
	f, err := at.OpenFile(base, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		at.Close()
	}
	if errors.Is(err, fs.ErrExist) {
		return nil, apperr.Usage("writing %q: it exists; secrets are written only to a new file", name)
	}
	if err != nil {
		return nil, fmt.Errorf("writing %q: %w", name, apperr.WithoutPath(err))
	}
	return &secretFile{f, at, name}, nil
}

// keep syncs the file to disk, unless writing it has failed.
func (f *secretFile) keep(written error) error {
	return f.failed(errors.Join(written, f.file.Sync(), durable.SyncFolder(f.at), f.file.Close()))
}

func (f *secretFile) failed(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("writing %q: %w", f.name, apperr.WithoutPath(err))
}

// discard removes the file.
func (f *secretFile) discard() error {
	if f == nil {
		return nil
	}
	f.file.Close() // it may be closed already
	return f.failed(f.at.Remove(filepath.Base(f.name)))
}
