package commands

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"capf/internal/apperr"
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
		f, err := env.door().Open(name)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", shown, apperr.WithoutPath(err))
		}
		defer f.Close()
		if info, err := f.Stat(); err == nil && info.IsDir() {
			return nil, apperr.Usage("reading %s: it is a directory, not a file", shown)
		}
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, limit+1))
	data = bytes.TrimPrefix(data, []byte(byteOrderMark))
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading %s: %w", shown, apperr.WithoutPath(err))
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
	return strconv.Quote(name)
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
// empty. Force replaces a file that is there where that has to be said.
func (env *Env) writeOutput(name string, force bool, data []byte) error {
	if name == "" || name == "-" {
		_, err := env.out.Write(data)
		return err
	}
	return writeFile(env.door(), name, force, data)
}

// writeBinary is writeOutput for what would garble a terminal.
func writeBinary(env *Env, name string, force bool, data []byte) error {
	if (name == "" || name == "-") && env.screen {
		return apperr.WithHint(apperr.Usage("DER would go to the terminal"), "--out FILE writes it to a file; a pipe takes it too")
	}
	return env.writeOutput(name, force, data)
}

// writeFile writes a file that everybody may read. It appears complete or not at
// all, unless it is a device, a pipe or a link of the system, such as
// /dev/stdout: those get the bytes and stay what they are.
func writeFile(d door, name string, force bool, data []byte) error {
	if d == (system{}) {
		switch info, err := os.Lstat(name); {
		case err != nil || info.Mode().IsRegular():
		case info.IsDir():
			return apperr.Usage("writing %q: it is a directory, not a file", name)
		default:
			return writeThrough(name, data)
		}
	}
	return outFile{d, name, 0o644, d.keeps() && !force}.write(wholly(data))
}

func writeThrough(name string, data []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_TRUNC, 0)
	if err == nil {
		_, err = f.Write(data)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return fmt.Errorf("writing %q: %w", name, apperr.WithoutPath(err))
	}
	return nil
}

// replaceFile writes a file, whether or not it is there.
func replaceFile(d door, name string, data []byte, mode os.FileMode) error {
	return outFile{d, name, mode, false}.write(wholly(data))
}

func wholly(data []byte) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	}
}

// newFile writes what may be long into a file with mode 0644. One that is there
// already is kept unless it may be replaced.
func newFile(env *Env, name string, replace bool, write func(io.Writer) error) error {
	return outFile{env.door(), name, 0o644, !replace}.write(write)
}

// seen brings a secret that was printed, with err, to whoever is to read it. Its
// error does not wrap that of the output: a closed pipe is no failure otherwise.
func seen(env *Env, err error, hint string, args ...any) error {
	if err = cmp.Or(err, env.out.Flush()); err != nil {
		unseen := fmt.Errorf("what was made is in force, but could not be shown: %v", apperr.WithoutPath(err))
		return apperr.WithHint(unseen, hint, args...)
	}
	return nil
}
