package secrets

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"capf/crypto"
	"capf/internal/apperr"
	"capf/store"
)

// keyCheckText is sealed into each database, so that a wrong master key is noticed
// before it is used.
const (
	keyCheckLabel = "master key check"
	keyCheckText  = "capf"
)

// SystemDatabase is the database of root and the service user.
const SystemDatabase = "/var/lib/capf/capf.db"

// NextKeyEnd is appended to the name of a master key file for the key that will
// replace it.
const NextKeyEnd = ".new"

// systemKey is what capf.service takes as a credential, so that root's commands
// find the key that the service has.
const systemKey = "/etc/capf/master-key"

// MasterKeyFile is where the master key of a database lives: the file that
// CAPF_MASTER_KEY_FILE names, or the systemd credential "capf-master-key", or a file
// beside the database. When the system's database has no key beside it and the folder
// /etc/capf exists, the key is in there. The name beside the database does not begin
// with the whole name of the database, so that "cp capf.db*" does not copy the key.
func MasterKeyFile(database string, getenv func(string) string) string {
	return masterKeyFile(database, getenv, func(path string) bool {
		_, err := os.Stat(path)
		return err == nil
	})
}

func masterKeyFile(database string, getenv func(string) string, exists func(path string) bool) string {
	if file := getenv("CAPF_MASTER_KEY_FILE"); file != "" {
		return file
	}
	if dir := getenv("CREDENTIALS_DIRECTORY"); dir != "" {
		if file := filepath.Join(dir, "capf-master-key"); exists(file) {
			return file // the unit may have credentials that are not ours
		}
	}
	beside := strings.TrimSuffix(database, filepath.Ext(database)) + ".master-key"
	if database == SystemDatabase && !exists(beside) && exists(filepath.Dir(systemKey)) {
		return systemKey
	}
	return beside
}

// OpenSealer loads the master key of the database and checks that it is the right
// one. The error is ErrNotReady for a database without one, fs.ErrNotExist for a
// missing key file, and crypto.ErrWrongKey for a wrong key.
func OpenSealer(ctx context.Context, s *store.Reader, keyFile string) (*crypto.Sealer, error) {
	check, err := s.KeyCheck(ctx)
	if errors.Is(err, store.ErrNotFound) {
		return nil, apperr.WithHint(fmt.Errorf("opening %q: %w", s.Path(), ErrNotReady), "capf init makes it")
	}
	if err != nil {
		return nil, err
	}
	sealer, err := crypto.LoadMasterKey(keyFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, apperr.WithHint(fmt.Errorf("the master key of %q is missing: %w", s.Path(), err),
			"put the key file back, or name it with CAPF_MASTER_KEY_FILE; without it the secrets in the database cannot be read")
	}
	if err != nil {
		return nil, err
	}
	err = verifyKey(sealer, check, s.Path(), keyFile)
	if errors.Is(err, crypto.ErrWrongKey) && fits(check, keyFile+NextKeyEnd) {
		err = apperr.WithHint(err, "a rotation of the master key was interrupted: capf master-key rotate completes it")
	}
	return sealer, err
}

// fits reports whether the database is bound to the key in that file.
func fits(check []byte, keyFile string) bool {
	sealer, err := crypto.LoadMasterKey(keyFile)
	return err == nil && verifyKey(sealer, check, "", keyFile) == nil
}

func verifyKey(sealer *crypto.Sealer, check []byte, database, keyFile string) error {
	text, err := sealer.Open(keyCheckLabel, check)
	if err != nil {
		return apperr.WithHint(fmt.Errorf("the master key in %q does not belong to %q: %w", keyFile, database, err),
			"name the right key file with CAPF_MASTER_KEY_FILE")
	}
	if !bytes.Equal(text, []byte(keyCheckText)) {
		return fmt.Errorf("the master key check of %q is damaged", database)
	}
	return nil
}

// CreateSealer is OpenSealer, but makes the master key of a database that has none
// yet.
func CreateSealer(ctx context.Context, s *store.Store, keyFile string) (*crypto.Sealer, error) {
	if _, err := s.KeyCheck(ctx); errors.Is(err, store.ErrNotFound) {
		return makeKey(ctx, s, keyFile)
	}
	return OpenSealer(ctx, s.Reader, keyFile)
}

// makeKey makes the master key, or uses one that an operator has put there, and binds
// the database to it. Two processes may do this at once: one creates the file, and
// both bind the database to the key in it.
func makeKey(ctx context.Context, s *store.Store, keyFile string) (*crypto.Sealer, error) {
	sealer, err := crypto.CreateMasterKey(keyFile)
	if errors.Is(err, fs.ErrExist) {
		sealer, err = crypto.LoadMasterKey(keyFile)
	}
	if err != nil {
		return nil, err
	}
	check, err := sealer.Seal(keyCheckLabel, []byte(keyCheckText))
	if err != nil {
		return nil, err
	}
	err = s.SetKeyCheck(ctx, check)
	if errors.Is(err, store.ErrConflict) {
		return OpenSealer(ctx, s.Reader, keyFile)
	}
	return sealer, err
}
