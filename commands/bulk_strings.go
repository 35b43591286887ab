package commands

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"capf/commands/internal/files"
	"capf/enroll/devices"
	"capf/internal/apperr"
	"capf/internal/csvcell"
	"capf/internal/durable"
)

// madeString is the authentication string that was made for a device.
type madeString struct{ device, secret string }

var stringColumns = []column[madeString]{
	{"Device", "device", always, func(s madeString) any { return s.device }},
	{"Authentication string", "auth_string", always, func(s madeString) any { return s.secret }},
}

// uniqueStrings collects the strings of an update: in a file, or in memory to be
// printed when the update has succeeded.
type uniqueStrings struct {
	made []madeString
	file *os.File // nil for printing
	at   *os.Root // the folder of the file
	w    *csv.Writer
	name string
}

// newStrings creates the file at the start, so that failing to do so stops the
// update before it begins. It returns nil when no strings are to be made.
func newStrings(env *Env, o bulkUpdateOptions) (*uniqueStrings, error) {
	switch {
	case !o.update.Edit.UniqueString:
		return nil, nil
	case o.stringsFile == "" || o.stringsFile == "-":
		return &uniqueStrings{}, nil
	}
	return newStringsFile(env.door(), o.stringsFile)
}

// newStringsFile creates a file that only its owner can read, and fails if it
// exists.
func newStringsFile(d files.Door, name string) (*uniqueStrings, error) {
	at, base, err := d.Parent(name)
	if err != nil {
		return nil, fmt.Errorf("writing %q: %w", name, apperr.WithoutPath(err))
	}
	f, err := at.OpenFile(base, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		at.Close()
	}
	if errors.Is(err, fs.ErrExist) {
		return nil, apperr.Usage("writing %q: it exists; strings are written only to a new file", name)
	}
	if err != nil {
		return nil, fmt.Errorf("writing %q: %w", name, apperr.WithoutPath(err))
	}
	out := &uniqueStrings{file: f, at: at, w: csv.NewWriter(bufio.NewWriterSize(f, 1<<16)), name: name}
	return out, out.w.Write([]string{"device", "auth_string"})
}

// sink is nil without strings, as an interface too.
func (u *uniqueStrings) sink() devices.Strings {
	if u == nil {
		return nil
	}
	return u
}

// Add takes one string.
func (u *uniqueStrings) Add(device, secret string) error {
	if u.file == nil {
		u.made = append(u.made, madeString{device, secret})
		return nil
	}
	return u.failed(u.w.Write([]string{csvcell.Guard(device), secret}))
}

// Keep syncs the file to disk.
func (u *uniqueStrings) Keep() error {
	if u.file == nil {
		return nil
	}
	u.w.Flush()
	return u.failed(errors.Join(u.w.Error(), u.file.Sync(), durable.SyncFolder(u.at), u.file.Close()))
}

func (u *uniqueStrings) failed(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("writing %q: %w", u.name, apperr.WithoutPath(err))
}

// discard removes the file of an update that did not happen.
func (u *uniqueStrings) discard() error {
	if u == nil || u.file == nil {
		return nil
	}
	u.file.Close() // it may be closed already
	return u.failed(u.at.Remove(filepath.Base(u.name)))
}
