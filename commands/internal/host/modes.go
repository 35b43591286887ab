package host

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"capf/internal/apperr"
	"capf/store"
)

// Exposure is a file or folder that others may read or change.
type Exposure struct {
	severe     bool // others may decide who gets a certificate
	Path       string
	Text, Hint string
}

// Severity is error if serve refuses to run with it, otherwise warning.
func (e Exposure) Severity() string {
	if e.severe {
		return "error"
	}
	return "warning"
}

// Exposures looks at who may read and change the files that capf relies on, the
// worst first. The key file itself is judged by its reader, which refuses one that
// others may read.
func Exposures(database, keyFile string) []Exposure {
	database, keyFile = followed(database), followed(keyFile)
	var all []Exposure
	for _, path := range store.Files(database) {
		all = append(all, fileExposure(path, len(all) > 0)...)
	}
	folder, keyFolder := filepath.Dir(database), filepath.Dir(keyFile)
	all = append(all, folderExposure(folder, true)...)
	if keyFolder != folder {
		all = append(all, folderExposure(keyFolder, false)...)
	}
	slices.SortStableFunc(all, func(a, b Exposure) int {
		switch {
		case a.severe == b.severe:
			return 0
		case a.severe:
			return -1
		}
		return 1
	})
	return all
}

// fileExposure looks at a file of the database. SQLite gives the files beside the
// database its mode, so that one finding is enough unless everybody may write.
func fileExposure(path string, found bool) []Exposure {
	info, err := os.Stat(path)
	if err != nil {
		return nil
	}
	mode := info.Mode().Perm()
	reason := "others may read names, requests and sealed secrets"
	switch {
	case mode&0o002 != 0:
		reason = "everybody may change it, and so who gets a certificate"
	case found:
		return nil
	case mode&0o020 != 0:
		reason = "its group may change it, and so who gets a certificate"
	}
	return exposure(path, mode, 0o066, reason, "600")
}

// folderExposure looks at a folder in which others may put files. Where it is sticky,
// the files in it are safe, but not a missing one of the database.
func folderExposure(path string, ofDatabase bool) []Exposure {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil
	case info.Mode()&fs.ModeSticky == 0:
		return exposure(path, info.Mode().Perm(), 0o022, "others may put other files in the place of those in it", "go-w")
	case ofDatabase:
		return exposure(path, info.Mode().Perm()|0o1000, 0o022, "others may put a write-ahead log beside the database, which would be taken into it", "go-w")
	}
	return nil
}

// exposure is one, if the mode has any of the unwanted bits. That everybody may write
// is severe.
func exposure(path string, mode, unwanted fs.FileMode, reason, remedy string) []Exposure {
	if mode&unwanted == 0 {
		return nil
	}
	return []Exposure{{mode&0o002 != 0, path, fmt.Sprintf("%q has the mode %04o: %s", path, mode, reason), fmt.Sprintf("chmod %s %s", remedy, path)}}
}

// followed is the file that a link leads to, beside which SQLite keeps its other
// files. Of a file that does not exist yet, only the folder is followed.
func followed(path string) string {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		return target
	}
	if folder, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		return filepath.Join(folder, filepath.Base(path))
	}
	return path
}

// strangeOwner finds a file of the database, or its folder, that belongs to
// somebody other than root and the user who is to serve from it. Root may start
// what the user of the folder will serve from.
func strangeOwner(database string, self uint32) *Exposure {
	database = followed(database)
	trusted := []uint32{0, self}
	folder := filepath.Dir(database)
	if owner, ok := ownerOf(folder); ok && self == 0 {
		trusted = append(trusted, owner)
	}
	for _, path := range append([]string{folder}, store.Files(database)...) {
		if owner, ok := ownerOf(path); ok && !slices.Contains(trusted, owner) {
			return &Exposure{true, path, fmt.Sprintf("%q belongs to the user %d, who may change it, and so who gets a certificate", path, owner),
				"look where it comes from, then chown it to the user of serve, or remove it"}
		}
	}
	return nil
}

func ownerOf(path string) (uint32, bool) {
	info, err := os.Lstat(path)
	if err != nil {
		return 0, false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return stat.Uid, true
}

// SafeModes refuses to serve with files that everybody or a stranger may change,
// and returns what is merely unwise.
func SafeModes(database, keyFile string) ([]Exposure, error) {
	found := Exposures(database, keyFile)
	if e := strangeOwner(database, uint32(os.Geteuid())); e != nil {
		found = append([]Exposure{*e}, found...)
	}
	if len(found) > 0 && found[0].severe {
		return nil, apperr.WithHint(apperr.Refused("%s", found[0].Text), "%s", found[0].Hint)
	}
	return found, nil
}
