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
	Text, Hint string
}

// Severity is error if serve refuses to run with it, otherwise warning.
func (e Exposure) Severity() string {
	if e.severe {
		return "error"
	}
	return "warning"
}

// Exposures looks at who may read and change the files that capf relies on,
// the worst first. The key file itself is judged by its reader, which refuses
// one that others may read.
func Exposures(database, keyFile string) []Exposure {
	database, keyFile = followed(database), followed(keyFile)
	var bad, unwise []Exposure
	see := func(path string, mode fs.FileMode, forbidden, unwished fs.FileMode, reason, remedy string) {
		e := Exposure{mode&forbidden != 0, fmt.Sprintf("%q has the mode %04o: %s", path, mode, reason), fmt.Sprintf("chmod %s %s", remedy, path)}
		switch {
		case e.severe:
			bad = append(bad, e)
		case mode&unwished != 0:
			unwise = append(unwise, e)
		}
	}
	for _, path := range store.Files(database) {
		info, err := os.Stat(path)
		if err != nil {
			continue
		}
		mode := info.Mode().Perm()
		if mode&0o002 == 0 && len(bad)+len(unwise) > 0 {
			continue // the files beside it get its mode
		}
		reason := "others may read names, requests and sealed secrets"
		switch {
		case mode&0o002 != 0:
			reason = "everybody may change it, and so who gets a certificate"
		case mode&0o020 != 0:
			reason = "its group may change it, and so who gets a certificate"
		}
		see(path, mode, 0o002, 0o066, reason, "600")
	}
	folders := []string{filepath.Dir(database), filepath.Dir(keyFile)}
	if folders[0] == folders[1] {
		folders = folders[:1]
	}
	for i, path := range folders {
		info, err := os.Stat(path)
		switch {
		case err != nil:
		case info.Mode()&fs.ModeSticky == 0:
			see(path, info.Mode().Perm(), 0o002, 0o020, "others may put other files in the place of those in it", "go-w")
		case i == 0: // what is there is safe, but not what is missing
			see(path, info.Mode().Perm()|0o1000, 0o002, 0o020, "others may put a write-ahead log beside the database, which would be taken into it", "go-w")
		}
	}
	return append(bad, unwise...)
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
			return &Exposure{true, fmt.Sprintf("%q belongs to the user %d, who may change it, and so who gets a certificate", path, owner),
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
