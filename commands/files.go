package commands

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// The most that is read of a file that an operator names: more than any chain
// of certificates, far more than any secret.
const (
	certificateLimit = 4 << 20
	secretLimit      = 4 << 10
)

// readInput reads a file, or stdin when its name is "-", up to a limit.
func (env *Env) readInput(name string, limit int64) ([]byte, error) {
	in := env.Stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("reading %q: %w", name, pathless(err))
		}
		defer f.Close()
		if info, err := f.Stat(); err == nil && info.IsDir() {
			return nil, usagef("reading %q: it is a directory, not a file", name)
		}
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, limit+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading %q: %w", name, pathless(err))
	case int64(len(data)) > limit:
		return nil, fmt.Errorf("reading %q: it has more than %d bytes", name, limit)
	case len(data) == 0:
		return nil, fmt.Errorf("reading %q: it is empty", name)
	}
	return data, nil
}

// readSecret reads a secret from a file or stdin: its first line, which must
// be the only one.
func (env *Env) readSecret(name string) (string, error) {
	data, err := env.readInput(name, secretLimit)
	if err != nil {
		return "", err
	}
	data = bytes.TrimSuffix(bytes.TrimSuffix(data, []byte("\n")), []byte("\r"))
	if len(data) == 0 || bytes.ContainsAny(data, "\r\n\x00") {
		return "", fmt.Errorf("reading %q: one line with the secret is expected", name)
	}
	return string(data), nil
}

// writeOutput writes a result to a file, or to stdout when its name is "-" or
// empty. A file appears complete or not at all.
func (env *Env) writeOutput(name string, data []byte) error {
	if name == "" || name == "-" {
		_, err := env.out.Write(data)
		return err
	}
	return replaceFile(name, data, 0o644)
}

// replaceFile writes a file beside its final place and moves it there when it
// is on the disk.
func replaceFile(name string, data []byte, mode os.FileMode) (err error) {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return fmt.Errorf("writing %q: %w", name, pathless(err))
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
			err = fmt.Errorf("writing %q: %w", name, pathless(err))
		}
	}()
	if err := f.Chmod(mode); err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}

// pathless takes the operation and the path off an error of package os, for a
// message that has said both already.
func pathless(err error) error {
	switch e := err.(type) {
	case *os.PathError:
		return e.Err
	case *os.LinkError:
		return e.Err
	}
	return err
}
