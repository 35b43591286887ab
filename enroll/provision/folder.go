package provision

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"
	"time"

	"capf/enroll/settings"
	"capf/enroll/transfer"
	"capf/internal/apperr"
)

// folder is the one of provision_folder, which nothing that is asked for can leave.
type folder struct{ root *os.Root }

// errNoFolder says that provision_folder is none.
var errNoFolder = errors.New("provision_folder is not set")

// openFolder opens it. One that has the database in it is refused: whatever is done to
// names, nobody is to be let into it.
func openFolder(name, database string) (folder, error) {
	if name == "" {
		return folder{}, errNoFolder
	}
	if err := settings.CheckPublicFolder(name, database); err != nil {
		return folder{}, err
	}
	root, err := os.OpenRoot(name)
	if err != nil {
		return folder{}, fmt.Errorf("opening provision_folder %q: %w", name, apperr.WithoutPath(err))
	}
	return folder{root}, nil
}

// CheckFolder says why nothing of provision_folder can be given; nil when it can, or is
// not set.
func CheckFolder(name, database string) error {
	f, err := openFolder(name, database)
	if err != nil {
		if errors.Is(err, errNoFolder) {
			return nil
		}
		return err
	}
	defer f.close()
	dir, err := f.root.Open(".")
	if err != nil {
		return fmt.Errorf("reading provision_folder %q: %w", name, apperr.WithoutPath(err))
	}
	defer dir.Close()
	if _, err := dir.ReadDir(1); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("reading provision_folder %q: %w", name, apperr.WithoutPath(err))
	}
	return nil
}

func (f folder) close() {
	if f.root != nil {
		f.root.Close()
	}
}

// stored is a file of the folder that has been opened.
type stored struct {
	*os.File
	size    int64
	changed time.Time
}

// open opens a file that everybody may read, as TFTP servers do: one that its owner
// keeps to himself is none for phones.
func (f folder) open(name string) (stored, error) {
	if f.root == nil {
		return stored{}, notFound("there is no folder for it")
	}
	// A pipe would keep us waiting for its other end.
	file, err := f.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.ENXIO):
		return stored{}, notFound("it is not in the folder")
	case errors.Is(err, fs.ErrPermission):
		return stored{}, notFound("capf may not read it")
	case err != nil:
		return stored{}, notFound("it cannot be opened: " + apperr.WithoutPath(err).Error())
	}
	info, err := file.Stat()
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		err = notFound("it is no file")
	case info.Mode().Perm()&0o004 == 0:
		err = notFound("not everybody may read it: chmod o+r makes it a file for phones")
	default:
		return stored{file, info.Size(), info.ModTime()}, nil
	}
	file.Close()
	return stored{}, err
}

// has says whether there is a file of the name that phones may have.
func (f folder) has(name string) bool {
	file, err := f.open(name)
	if err == nil {
		file.Close()
	}
	return err == nil
}

// lies says whether anything of the name lies there, also what phones may not have.
func (f folder) lies(name string) bool {
	if f.root == nil {
		return false
	}
	_, err := f.root.Lstat(name)
	return err == nil
}

// read reads a file of the folder that is to be worked on, of a size that phones take.
func (f folder) read(name string) ([]byte, error) {
	file, err := f.open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, transfer.Largest+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading %q: %w", name, apperr.WithoutPath(err))
	case len(data) > transfer.Largest:
		return nil, fmt.Errorf("%q is %w", name, transfer.ErrTooLarge)
	}
	return data, nil
}

// notFound says why there is no file, to the log; the phone learns only that.
func notFound(why string) error { return apperr.New(transfer.ErrNotFound, "%s", why) }

// typeOf is the Content-Type of a file.
func typeOf(name string) string {
	switch strings.ToLower(path.Ext(name)) {
	case ".xml":
		return "text/xml"
	case ".png":
		return "image/png"
	}
	return "application/octet-stream"
}
