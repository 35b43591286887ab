package commands

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"capf/enroll"
)

// modeFindings looks at who may read and change the files that capf relies on,
// the worst first. The key file itself is judged by whoever reads it, which
// refuses one that others may read.
func modeFindings(database, keyFile string) []finding {
	var bad, unwise []finding
	see := func(path string, mode fs.FileMode, forbidden, unwished fs.FileMode, reason, remedy string) {
		f := finding{Text: fmt.Sprintf("%q has the mode %04o: %s", path, mode, reason), Hint: fmt.Sprintf("chmod %s %s", remedy, path)}
		switch {
		case mode&forbidden != 0:
			f.Severity = "error"
			bad = append(bad, f)
		case mode&unwished != 0:
			f.Severity = "warning"
			unwise = append(unwise, f)
		}
	}
	for _, path := range []string{database, database + "-wal", database + "-shm"} {
		if info, err := os.Stat(path); err == nil {
			mode := info.Mode().Perm()
			reason := "others may read names, requests and sealed secrets"
			if mode&0o002 != 0 {
				reason = "everybody may change it, and so who gets a certificate"
			}
			see(path, mode, 0o002, 0o066, reason, "600")
		}
		if len(bad)+len(unwise) > 0 {
			break // the files beside it get its mode
		}
	}
	folders := []string{filepath.Dir(database), filepath.Dir(keyFile)}
	if folders[0] == folders[1] {
		folders = folders[:1]
	}
	for _, path := range folders {
		if info, err := os.Stat(path); err == nil && info.Mode()&fs.ModeSticky == 0 {
			see(path, info.Mode().Perm(), 0o002, 0o020, "others may put other files in the place of those in it", "go-w")
		}
	}
	return append(bad, unwise...)
}

// safeModes refuses to serve with files that everybody may change, and returns
// what is merely unwise.
func safeModes(database, keyFile string) ([]finding, error) {
	found := modeFindings(database, keyFile)
	if len(found) > 0 && found[0].Severity == "error" {
		return nil, withHint(&kindError{enroll.ErrRefused, found[0].Text}, "%s", found[0].Hint)
	}
	return found, nil
}
