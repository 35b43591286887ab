package files

import (
	"bytes"
	"errors"
	"io/fs"
)

// ReadBeside is ReadPresent for a file that may be missing: then Replace makes it, with the
// mode of another one.
func ReadBeside(d Door, name string, like Present, limit int64) (Present, error) {
	p, err := ReadPresent(d, name, limit)
	if errors.Is(err, fs.ErrNotExist) {
		return Present{door: d, name: name, mode: like.Mode()}, nil
	}
	return p, err
}

// Mode is the mode of the file.
func (p Present) Mode() fs.FileMode {
	if p.info == nil {
		return p.mode
	}
	return p.info.Mode().Perm()
}

// Says says whether the file is there and has these contents.
func (p Present) Says(data []byte) bool { return p.info != nil && bytes.Equal(p.Data, data) }
