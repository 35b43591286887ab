package commands

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"capf/enroll"
)

// The most that is read of a file that an operator names: more than any chain
// of certificates, far more than any secret.
const (
	certificateLimit = 4 << 20
	secretLimit      = 4 << 10
)

// byteOrderMark is what some Windows programs put in front of a text. It is no
// part of it, and nothing that is not text begins so.
const byteOrderMark = "\xef\xbb\xbf"

// readInput reads a file, or stdin when its name is "-", up to a limit.
func (env *Env) readInput(name string, limit int64) ([]byte, error) {
	in, shown := env.Stdin, inputName(name)
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", shown, pathless(err))
		}
		defer f.Close()
		if info, err := f.Stat(); err == nil && info.IsDir() {
			return nil, usagef("reading %s: it is a directory, not a file", shown)
		}
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, limit+1))
	data = bytes.TrimPrefix(data, []byte(byteOrderMark))
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading %s: %w", shown, pathless(err))
	case int64(len(data)) > limit:
		return nil, fmt.Errorf("reading %s: it has more than %d bytes", shown, limit)
	case len(data) == 0:
		return nil, fmt.Errorf("reading %s: it is empty", shown)
	}
	return data, nil
}

// inputName is how a message names what is read.
func inputName(name string) string {
	if name == "-" {
		return "stdin"
	}
	return quote(name)
}

// readSecret reads a secret from a file or stdin: its first line, which must
// be the only one.
func (env *Env) readSecret(name string) (string, error) {
	data, err := env.readInput(name, secretLimit)
	if err != nil {
		return "", err
	}
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		return "", fmt.Errorf("reading %s: it is UTF-16, not UTF-8", inputName(name))
	}
	data = bytes.TrimSuffix(bytes.TrimSuffix(data, []byte("\n")), []byte("\r"))
	if len(data) == 0 || bytes.ContainsAny(data, "\r\n\x00") {
		return "", fmt.Errorf("reading %s: one line with the secret is expected", inputName(name))
	}
	return string(data), nil
}

// writeOutput writes a result to a file, or to stdout when its name is "-" or
// empty.
func (env *Env) writeOutput(name string, data []byte) error {
	if name == "" || name == "-" {
		_, err := env.out.Write(data)
		return err
	}
	return writeFile(name, data)
}

// writeBinary is writeOutput for what would garble a terminal.
func (env *Env) writeBinary(name string, data []byte) error {
	if (name == "" || name == "-") && env.screen {
		return &usageError{text: "DER would go to the terminal", hint: "--out FILE writes it to a file; a pipe takes it too"}
	}
	return env.writeOutput(name, data)
}

// writeFile writes a file that everybody may read. It appears complete or not at
// all, unless it is a device, a pipe or a link, such as /dev/stdout: those get
// the bytes and stay what they are.
func writeFile(name string, data []byte) error {
	switch info, err := os.Lstat(name); {
	case err != nil || info.Mode().IsRegular():
		return replaceFile(name, data, 0o644)
	case info.IsDir():
		return usagef("writing %q: it is a directory, not a file", name)
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_TRUNC, 0)
	if err == nil {
		_, err = f.Write(data)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return fmt.Errorf("writing %q: %w", name, pathless(err))
	}
	return nil
}

// replaceFile writes a file beside its final place and moves it there when it
// is on the disk.
func replaceFile(name string, data []byte, mode os.FileMode) error {
	return draftFile(name, func(f *os.File) error {
		if err := f.Chmod(mode); err != nil {
			return err
		}
		_, err := f.Write(data)
		return err
	}, os.Rename)
}

// newFile writes what may be long into a file with mode 0644. One that is there
// already is kept unless it may be replaced.
func newFile(name string, replace bool, write func(io.Writer) error) error {
	move := os.Rename
	if !replace {
		move = renameToNew
	}
	switch info, err := os.Lstat(name); {
	case err != nil: // mostly that it is not there; else the writing will say it
	case !info.Mode().IsRegular():
		return &kindError{enroll.ErrRefused, fmt.Sprintf("%q is not a regular file", name)}
	case !replace:
		return withHint(&kindError{enroll.ErrRefused, fmt.Sprintf("%q is there already", name)}, "--force replaces it")
	}
	return draftFile(name, func(f *os.File) error {
		if err := f.Chmod(0o644); err != nil {
			return err
		}
		return write(f)
	}, move)
}

// renameToNew is os.Rename for a place that has to be free, as it was when it
// was looked at first: where links are not known, that look has to do.
func renameToNew(from, to string) error {
	err := os.Link(from, to)
	switch {
	case err == nil:
		return os.Remove(from)
	case errors.Is(err, fs.ErrExist):
		return err
	}
	return os.Rename(from, to)
}

// draftFile writes a file beside its final place, brings it to the disk and
// lets it be moved there.
func draftFile(name string, write func(*os.File) error, move func(from, to string) error) (err error) {
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
	if err := write(f); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return move(f.Name(), name)
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
