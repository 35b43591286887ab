package files

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"capf/commands/internal/host"
	"capf/internal/apperr"
)

// ErrForbidden is what a session of capf shell may not do, as opposed to what it
// cannot. Such attempts go into the record.
var ErrForbidden = fmt.Errorf("%w in this shell", apperr.ErrRefused)

// Forbidden returns an error of the kind ErrForbidden.
func Forbidden(format string, args ...any) error {
	return apperr.New(ErrForbidden, format, args...)
}

// Folder is the door to the files of one folder and those below it.
type Folder struct {
	Root *os.Root
	Name string // the path of the folder
	// Reserved are the paths of files that capf itself works with, whether or not
	// they exist. A file whose path begins like one of them is reserved too.
	Reserved []string
	// OnlyOwn says, in words such as "privilege 1", on whose account only files that
	// the shell has made are replaced; "" lifts the limit.
	OnlyOwn string
	// Refused is the first refusal since whoever uses the folder cleared it: what a
	// document names is refused among its other problems.
	Refused error
}

// OpenWorkingFolder opens the folder of the process as the only one that a session
// has. It has to be the user's own: in another one, somebody could lead the session
// astray.
func OpenWorkingFolder() (*os.Root, error) {
	root, err := os.OpenRoot(".")
	if err != nil {
		return nil, err
	}
	info, err := root.Stat(".")
	if err != nil {
		root.Close()
		return nil, err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	reason := ""
	switch {
	case ok && int(stat.Uid) != os.Geteuid():
		reason = fmt.Sprintf("it belongs to user %d, not to %s", stat.Uid, host.UserName())
	case info.Mode().Perm()&0o002 != 0:
		reason = "everybody may write to it"
	default:
		return root, nil
	}
	root.Close()
	return nil, apperr.WithHint(Forbidden("capf shell is not for this folder: %s", reason),
		"start it in a folder of its user, as CWD in the sudo rule does")
}

func (d *Folder) foreignFile(name string) error {
	err := apperr.WithHint(Forbidden("file %q is not available in this shell", name), "files are in %s, with names such as root.pem", d.Name)
	if d.Refused == nil {
		d.Refused = err
	}
	return err
}

// Allows refuses the names of files outside the folder, of hidden files, which
// other programs obey, and of reserved ones.
func (d *Folder) Allows(name string) error {
	hidden := func(part string) bool { return strings.HasPrefix(part, ".") && part != "." }
	if !filepath.IsLocal(name) || slices.ContainsFunc(strings.Split(name, "/"), hidden) {
		return d.foreignFile(name)
	}
	full := filepath.Join(d.Name, name)
	if slices.ContainsFunc(d.Reserved, func(r string) bool { return strings.HasPrefix(full, r) }) {
		return d.foreignFile(name)
	}
	return nil
}

// Open opens a file for reading. A link is followed only within the folder.
func (d *Folder) Open(name string) (*os.File, error) {
	if err := d.Allows(name); err != nil {
		return nil, err
	}
	f, err := d.Root.Open(name)
	if err != nil {
		return nil, d.withoutEscape(err, name)
	}
	info, err := f.Stat()
	if err == nil && d.isReserved(info) {
		err = d.foreignFile(name)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Stat looks at a file like Open.
func (d *Folder) Stat(name string) (fs.FileInfo, error) {
	if err := d.Allows(name); err != nil {
		return nil, err
	}
	info, err := d.Root.Stat(name)
	if err != nil {
		return nil, d.withoutEscape(err, name)
	}
	if d.isReserved(info) {
		return nil, d.foreignFile(name)
	}
	return info, nil
}

// withoutEscape makes a refusal of ours of the one with which package os meets a way
// out of the folder. What the system says stays as it is.
func (d *Folder) withoutEscape(err error, name string) error {
	var system syscall.Errno
	if errors.As(err, &system) || errors.Is(err, ErrForbidden) {
		return err
	}
	return d.foreignFile(name)
}

// isReserved recognises a reserved file by whatever name it was reached.
func (d *Folder) isReserved(info fs.FileInfo) bool {
	return slices.ContainsFunc(d.Reserved, func(path string) bool {
		own, err := os.Stat(path)
		return err == nil && os.SameFile(own, info)
	})
}

// Parent goes down to the folder of a file step by step. No link is followed:
// behind one, the name would say nothing about what is written.
func (d *Folder) Parent(name string) (*os.Root, string, error) {
	if err := d.Allows(name); err != nil {
		return nil, "", err
	}
	folder, base := filepath.Split(filepath.Clean(name))
	at, err := d.descend(folder, name)
	if err != nil {
		return nil, "", err
	}
	if info, err := at.Lstat(base); err == nil && (info.Mode()&fs.ModeSymlink != 0 || d.isReserved(info)) || d.isReservedPlace(at, base) {
		at.Close()
		return nil, "", d.foreignFile(name)
	}
	return at, base, nil
}

// descend opens a folder below this one; name is that of the file for which it does.
func (d *Folder) descend(folder, name string) (*os.Root, error) {
	at, err := d.Root.OpenRoot(".")
	if err != nil {
		return nil, err
	}
	for part := range strings.SplitSeq(filepath.Clean(folder), "/") {
		next, err := at.OpenRoot(part)
		if err == nil && !isFolderItself(at, part, next) {
			next.Close()
			err = d.foreignFile(name)
		}
		at.Close()
		if err != nil {
			return nil, d.withoutEscape(err, name)
		}
		at = next
	}
	return at, nil
}

// isFolderItself says whether what was opened is what has the name, rather than
// what a link of that name led to.
func isFolderItself(at *os.Root, part string, opened *os.Root) bool {
	named, err := at.Lstat(part)
	if err != nil {
		return false
	}
	info, err := opened.Stat(".")
	return err == nil && os.SameFile(named, info)
}

// isReservedPlace says whether the place is one of a reserved file, whether or not
// something is there.
func (d *Folder) isReservedPlace(at *os.Root, base string) bool {
	here, err := at.Stat(".")
	return err != nil || slices.ContainsFunc(d.Reserved, func(r string) bool {
		folder, err := os.Stat(filepath.Dir(r))
		return err == nil && os.SameFile(folder, here) && strings.HasPrefix(base, filepath.Base(r))
	})
}
