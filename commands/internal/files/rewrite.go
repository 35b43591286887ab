package files

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"capf/internal/apperr"
	"capf/internal/durable"
)

// Present is a regular file as it was read, to be replaced by another version of it.
type Present struct {
	Data []byte
	door Door
	name string
	info fs.FileInfo // nil if there is none yet
	mode fs.FileMode // of one that is not there yet
}

// ReadPresent reads a regular file that has at most limit bytes, all of them. A link is refused: what
// it leads to may serve others too.
func ReadPresent(d Door, name string, limit int64) (Present, error) {
	p := Present{door: d, name: name}
	at, base, err := d.Parent(name)
	if err != nil {
		return p, fmt.Errorf("reading %q: %w", name, apperr.WithoutPath(err))
	}
	defer at.Close()
	if p.info, err = at.Lstat(base); err != nil {
		return p, fmt.Errorf("reading %q: %w", name, apperr.WithoutPath(err))
	}
	switch {
	case p.info.Mode()&fs.ModeSymlink != 0:
		return p, apperr.WithHint(apperr.Refused("reading %q: it is a link", name), "name the file that it leads to")
	case !p.info.Mode().IsRegular():
		return p, apperr.Refused("reading %q: it is not a regular file", name)
	case p.info.Size() > limit:
		return p, apperr.Refused("reading %q: it has more than %d KB", name, limit>>10)
	}
	f, err := at.Open(base)
	if err != nil {
		return p, fmt.Errorf("reading %q: %w", name, apperr.WithoutPath(err))
	}
	defer f.Close()
	if p.Data, err = io.ReadAll(io.LimitReader(f, limit+1)); err != nil {
		return p, fmt.Errorf("reading %q: %w", name, apperr.WithoutPath(err))
	}
	return p, nil
}

// errMeanwhile says that a file has changed since it was read.
var errMeanwhile = errors.New("it was changed by somebody else meanwhile; try again")

// Replace writes another version, with the owner and the mode of the present one. It appears
// whole or not at all.
func (p Present) Replace(data []byte) error {
	if p.info == nil {
		return File{Door: p.door, Name: p.name, Mode: p.mode, Keep: true}.Write(wholly(data))
	}
	at, base, err := p.door.Parent(p.name)
	if err != nil {
		return fmt.Errorf("writing %q: %w", p.name, apperr.WithoutPath(err))
	}
	defer at.Close()
	f := File{Door: p.door, Name: p.name}
	if err := f.free(at, base); err != nil {
		return err
	}
	out := durable.File{Folder: at, Name: base, Mode: p.info.Mode().Perm(), Place: p.door.place(f)}
	err = out.Write(func(temp *os.File) error {
		if _, err := temp.Write(data); err != nil {
			return err
		}
		if err := p.keepOwner(temp); err != nil {
			return err
		}
		now, err := at.Lstat(base)
		if err != nil || !os.SameFile(now, p.info) || now.Size() != p.info.Size() || !now.ModTime().Equal(p.info.ModTime()) {
			return errMeanwhile
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("writing %q: %w", p.name, apperr.WithoutPath(err))
	}
	return nil
}

// keepOwner gives the new file to the owner and the group of the present one, where they are
// others than those that it has.
func (p Present) keepOwner(temp *os.File) error {
	info, err := temp.Stat()
	if err != nil {
		return err
	}
	is, known := info.Sys().(*syscall.Stat_t)
	was, wasKnown := p.info.Sys().(*syscall.Stat_t)
	if !known || !wasKnown || is.Uid == was.Uid && is.Gid == was.Gid {
		return nil
	}
	if err := temp.Chown(int(was.Uid), int(was.Gid)); err != nil {
		return apperr.WithHint(apperr.Refused("its owner %d:%d could not be kept", was.Uid, was.Gid), "run it as that user, or as root")
	}
	return nil
}
