package crypto

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"capf/internal/apperr"
	"capf/internal/durable"
)

// masterKeyPrefix begins the one line of a master key file, so that an operator who
// opens it knows what it is; the key follows in base64.
const masterKeyPrefix = "capf-master-key-1 "

// maxMasterKeyFile is more than any form of the file needs, in bytes.
const maxMasterKeyFile = 1024

// CreateMasterKey makes a master key and writes it to a new file of mode 0600 at path.
// An existing file is never touched; the error is then fs.ErrExist. When it returns
// nil, the file and its directory entry are on disk; a crash leaves either the whole
// file or none at path. The folder must exist, on a file system with hard links.
func CreateMasterKey(path string) (*Sealer, error) {
	key := make([]byte, masterKeySize)
	if _, err := rand.Read(key); err != nil {
		return nil, fmt.Errorf("drawing a master key: %w", err)
	}
	line := append(base64.StdEncoding.AppendEncode([]byte(masterKeyPrefix), key), '\n')
	defer clear(line)
	if err := durable.Write(path, 0o600, durable.New, line); err != nil {
		return nil, fmt.Errorf("writing the master key file %q: %w", path, err)
	}
	return newSealer(key)
}

// LoadMasterKey reads a master key file. A missing file is fs.ErrNotExist. It refuses
// a file that group or others may read or change, naming its mode, a file that is not
// regular, and one of another format. Links are followed: secrets are often mounted as
// links.
//
// In systemd's credentials directory, which CREDENTIALS_DIRECTORY names, the group may
// read: there a credential has the mode 0400, or 0440 when an access list admits the
// service's user, and nobody else can enter the directory.
func LoadMasterKey(path string) (*Sealer, error) {
	key, err := readMasterKey(path)
	if err != nil {
		return nil, fmt.Errorf("reading the master key file %q: %w", path, err)
	}
	return newSealer(key)
}

// ErrOpenKey marks a master key file that others may read or change.
var ErrOpenKey = errors.New("others may read the master key file")

func readMasterKey(path string) ([]byte, error) {
	// Without blocking: a pipe that has no writer must not hang us.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, apperr.WithoutPath(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, apperr.WithoutPath(err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	forbidden := fs.FileMode(0o077)
	if inCredentialsDirectory(path) {
		forbidden = 0o037
	}
	if mode := info.Mode().Perm(); mode&forbidden != 0 {
		return nil, apperr.New(ErrOpenKey, "its mode is %04o: only its owner may read it (chmod 600)", mode)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxMasterKeyFile+1))
	defer clear(data)
	if err != nil {
		return nil, apperr.WithoutPath(err)
	}
	return decodeMasterKey(data)
}

func inCredentialsDirectory(path string) bool {
	folder := os.Getenv("CREDENTIALS_DIRECTORY")
	if folder == "" {
		return false
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return false
	}
	within, err := filepath.Rel(folder, path)
	return err == nil && within != ".." && !strings.HasPrefix(within, "../")
}

func decodeMasterKey(data []byte) ([]byte, error) {
	text, ok := bytes.CutPrefix(bytes.TrimRight(data, "\r\n"), []byte(masterKeyPrefix))
	switch {
	case len(data) == 0:
		return nil, errors.New("it is empty")
	case len(data) > maxMasterKeyFile:
		return nil, fmt.Errorf("it is longer than %d bytes: not a master key file", maxMasterKeyFile)
	case !ok:
		return nil, fmt.Errorf("it does not begin with %q: not a master key file", strings.TrimSpace(masterKeyPrefix))
	}
	key := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Strict().Decode(key, text)
	if err != nil {
		clear(key)
		return nil, errors.New("its key is not base64") // the decoder's message would point into the secret
	}
	if n != masterKeySize {
		clear(key)
		return nil, fmt.Errorf("its key has %d bytes instead of %d", n, masterKeySize)
	}
	return key[:n], nil
}
