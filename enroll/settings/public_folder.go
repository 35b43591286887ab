package settings

import (
	"fmt"
	"os"
	"path/filepath"

	"capf/internal/apperr"
)

// CheckPublicFolder refuses a folder whose files are given to whoever asks, by capf or by
// another server, if the database is in it, or in a folder below it. One beside the database is fine, and so is
// one that does not exist yet.
func CheckPublicFolder(folder, database string) error {
	public, err := os.Stat(folder)
	if err != nil {
		return nil // whoever opens it says so
	}
	if database, err = filepath.Abs(database); err != nil {
		return fmt.Errorf("finding the database: %w", err)
	}
	if real, err := filepath.EvalSymlinks(database); err == nil {
		database = real
	}
	for dir := filepath.Dir(database); ; dir = filepath.Dir(dir) {
		if info, err := os.Stat(dir); err == nil && os.SameFile(info, public) {
			return apperr.WithHint(apperr.Refused("%s has the database in it, which nobody is to get", folder), "give the files for phones a folder of their own, as /srv/tftp")
		}
		if dir == filepath.Dir(dir) {
			return nil
		}
	}
}
