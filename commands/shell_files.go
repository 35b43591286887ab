package commands

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/host"
	"capf/internal/apperr"
	"capf/internal/durable"
	"capf/store"
)

// errForbidden marks what a session of capf shell may not do, as against what it
// cannot. Such attempts go into the record.
var errForbidden = fmt.Errorf("%w in this shell", apperr.ErrRefused)

func forbidden(format string, args ...any) error {
	return apperr.New(errForbidden, format, args...)
}

// openFolder opens the folder of the process as the only one that the session
// has. It has to be its user's, whom else it could be led astray by.
func openFolder() (*os.Root, error) {
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
		reason = fmt.Sprintf("it belongs to the user %d, not to %s", stat.Uid, host.UserName())
	case info.Mode().Perm()&0o002 != 0:
		reason = "everybody may write to it"
	default:
		return root, nil
	}
	root.Close()
	return nil, apperr.WithHint(forbidden("capf shell is not for this folder: %s", reason),
		"start it in a folder of its user, as CWD in the sudo rule does")
}

func (c *confinement) foreignFile(name string) error {
	return apperr.WithHint(forbidden("file %q is not to be had in this shell", name), "files stand in %s, by names such as root.pem", c.folder)
}

// named refuses the names of files outside the folder, of hidden ones, which
// other programs read as their orders, and of the database and the master key.
func (c *confinement) named(name string) error {
	hidden := func(part string) bool { return strings.HasPrefix(part, ".") && part != "." }
	if !filepath.IsLocal(name) || slices.ContainsFunc(strings.Split(name, "/"), hidden) {
		return c.foreignFile(name)
	}
	full := filepath.Join(c.folder, name)
	if slices.ContainsFunc(c.reserved, func(r string) bool { return strings.HasPrefix(full, r) }) {
		return c.foreignFile(name)
	}
	return nil
}

// Open opens a file for reading. Links lead to it only within the folder.
func (c *confinement) Open(name string) (*os.File, error) {
	if err := c.named(name); err != nil {
		return nil, err
	}
	f, err := c.root.Open(name)
	if err != nil {
		return nil, c.judged(err, name)
	}
	info, err := f.Stat()
	if err == nil && c.isReserved(info) {
		err = c.foreignFile(name)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Stat looks at a file like Open.
func (c *confinement) Stat(name string) (fs.FileInfo, error) {
	if err := c.named(name); err != nil {
		return nil, err
	}
	info, err := c.root.Stat(name)
	if err != nil {
		return nil, c.judged(err, name)
	}
	if c.isReserved(info) {
		return nil, c.foreignFile(name)
	}
	return info, nil
}

// judged tells a way out of the folder, which package os refuses by itself, from
// what the system says.
func (c *confinement) judged(err error, name string) error {
	var system syscall.Errno
	if errors.As(err, &system) {
		return err
	}
	return c.foreignFile(name)
}

// isReserved knows the database, the files beside it and the master key by
// whatever name.
func (c *confinement) isReserved(info fs.FileInfo) bool {
	for _, r := range c.reserved {
		for _, path := range store.Files(r) {
			if own, err := os.Stat(path); err == nil && os.SameFile(own, info) {
				return true
			}
		}
	}
	return false
}

// parent goes down to the folder of a file step by step. No link is followed:
// behind one, the name would say nothing of what is written.
func (c *confinement) parent(name string) (*os.Root, string, error) {
	if err := c.named(name); err != nil {
		return nil, "", err
	}
	at, err := c.root.OpenRoot(".")
	if err != nil {
		return nil, "", err
	}
	folder, base := filepath.Split(filepath.Clean(name))
	for part := range strings.SplitSeq(filepath.Clean(folder), "/") {
		next, err := at.OpenRoot(part)
		if err == nil && !isFolderItself(at, part, next) {
			next.Close()
			err = c.foreignFile(name)
		}
		at.Close()
		if err != nil {
			return nil, "", c.judgedUnless(err, name)
		}
		at = next
	}
	if info, err := at.Lstat(base); err == nil && (info.Mode()&fs.ModeSymlink != 0 || c.isReserved(info)) || c.standsReserved(at, base) {
		at.Close()
		return nil, "", c.foreignFile(name)
	}
	return at, base, nil
}

func (c *confinement) judgedUnless(err error, name string) error {
	if errors.Is(err, errForbidden) {
		return err
	}
	return c.judged(err, name)
}

// isFolderItself says whether what was opened is what has the name, and not what a
// link of that name led to.
func isFolderItself(at *os.Root, part string, opened *os.Root) bool {
	named, err := at.Lstat(part)
	if err != nil {
		return false
	}
	info, err := opened.Stat(".")
	return err == nil && os.SameFile(named, info)
}

// standsReserved says whether the place is one of the database's or the key's,
// whether or not something is there.
func (c *confinement) standsReserved(at *os.Root, base string) bool {
	here, err := at.Stat(".")
	return err != nil || slices.ContainsFunc(c.reserved, func(r string) bool {
		folder, err := os.Stat(filepath.Dir(r))
		return err == nil && os.SameFile(folder, here) && strings.HasPrefix(base, filepath.Base(r))
	})
}

func (c *confinement) keeps() bool { return c.privilege < cmdline.Full.Level() }

// mayReplace protects what the shell has not made from those who may only look.
func (c *confinement) mayReplace(at *os.Root, base, name string) error {
	if !c.keeps() {
		return nil
	}
	made, err := readMade(at)
	if err != nil {
		return err
	}
	sum, err := sumOf(at, base)
	if err != nil {
		return err
	}
	if was, ok := made[base]; !ok || was != sum {
		return forbidden("%q was not made by this shell as it is, so that privilege %d does not replace it", name, c.privilege)
	}
	return nil
}

// place keeps the sessions of one folder apart while one of them looks at a file,
// replaces it and remembers what it wrote.
func (c *confinement) place(o outFile) durable.Place {
	return func(at *os.Root, temp, base string) error {
		lock, err := at.Open(".")
		if err != nil {
			return err
		}
		defer lock.Close()
		if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
			return err
		}
		sum, err := sumOf(at, temp)
		if err != nil {
			return err
		}
		if err := o.free(at, base); err != nil {
			return err
		}
		place := durable.New
		if _, err := at.Lstat(base); err == nil {
			place = durable.Replace
		}
		if err := place(at, temp, base); err != nil {
			return err
		}
		return remember(at, base, sum)
	}
}

// madeFile lists the files of a folder that the shell has made, with the SHA-256
// of each: whatever is otherwise by now is somebody else's. Its name is hidden, so
// that no line of the shell reaches it.
const madeFile = ".capf-shell"

// madeLimit is the most that is read of it.
const madeLimit = 4 << 20

func readMade(at *os.Root) (map[string]string, error) {
	f, err := at.Open(madeFile)
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]string{}, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, madeLimit))
	made := map[string]string{}
	for line := range strings.Lines(string(data)) {
		sum, quoted, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if name, err := strconv.Unquote(quoted); err == nil {
			made[name] = sum
		}
	}
	return made, err
}

// remember adds a file to the list, and drops those that are gone.
func remember(at *os.Root, base, sum string) error {
	made, err := readMade(at)
	if err != nil {
		return err
	}
	made[base] = sum
	var list bytes.Buffer
	for name, sum := range made {
		if _, err := at.Lstat(name); err == nil {
			fmt.Fprintf(&list, "%s %q\n", sum, name)
		}
	}
	return durable.File{Folder: at, Name: madeFile, Place: durable.Replace}.Write(func(temp *os.File) error {
		_, err := temp.Write(list.Bytes())
		return err
	})
}

func sumOf(at *os.Root, name string) (string, error) {
	f, err := at.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, f)
	return fmt.Sprintf("%x", h.Sum(nil)), err
}
