package archive

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// walkDir reads the files of a folder in the order of their names.
func (c *Reader) walkDir(s Source, dir *os.File, yield func(Entry) error) error {
	files, err := dir.ReadDir(-1)
	if err != nil {
		return fmt.Errorf("reading folder %q: %w", s.Name, errors.Unwrap(err))
	}
	slices.SortFunc(files, func(a, b os.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	for _, f := range files {
		e := byName(filepath.Join(s.Name, f.Name()))
		switch {
		case f.IsDir():
			e.Skipped = "it is a folder in the folder"
		case e.Skipped != "" || e.Problem != "":
		case !f.Type().IsRegular():
			e.Problem = notFile
		}
		if err := c.walkFile(s.files, e, yield); err != nil {
			return fmt.Errorf("reading %q: %w", e.Name, err)
		}
	}
	return nil
}

const notFile = "it is a link or a device, not a file"

func (c *Reader) walkFile(files Files, e Entry, yield func(Entry) error) error {
	if e.Skipped != "" || e.Problem != "" {
		return c.give(e, yield)
	}
	f, err := files.Open(e.Name)
	if err != nil {
		e.Problem = "it cannot be read: " + strings.TrimPrefix(unread("", err).Error(), `reading "": `)
		return c.give(e, yield)
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() { // it was a file when the folder was read
		e.Problem = notFile
		return c.give(e, yield)
	}
	return c.content(e.Name, f, yield)
}
