package files

import (
	"bytes"
	"fmt"
	"io"
	"strconv"

	"capf/internal/apperr"
	"capf/internal/charset"
)

// secretLimit is the most that is read for a secret, which is one line.
const secretLimit = 4 << 10

// ByteOrderMark is what some Windows programs put in front of a text. It is no
// part of it, and nothing that is not text begins so.
const ByteOrderMark = "\xef\xbb\xbf"

// Read reads a file, or stdin when its name is "-". A file that is empty or has
// more bytes than limit is an error.
func Read(d Door, stdin io.Reader, name string, limit int64) ([]byte, error) {
	in, shown := stdin, InputName(name)
	if name != "-" {
		f, err := d.Open(name)
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
	data = bytes.TrimPrefix(data, []byte(ByteOrderMark))
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading %s: %w", shown, apperr.WithoutPath(err))
	case int64(len(data)) > limit:
		return nil, apperr.Refused("reading %s: it has more than %d bytes", shown, limit)
	case len(data) == 0:
		return nil, apperr.Refused("reading %s: it is empty", shown)
	}
	return data, nil
}

// InputName is how a message names what is read.
func InputName(name string) string {
	if name == "-" {
		return "stdin"
	}
	return strconv.Quote(name)
}

// ReadSecret reads a secret from a file or stdin: its first line, which must be
// the only one. Some editors on Windows write it as UTF-16.
func ReadSecret(d Door, stdin io.Reader, name string) (string, error) {
	data, err := Read(d, stdin, name, secretLimit)
	if err != nil {
		return "", err
	}
	if data, err = charset.Marked(data); err != nil {
		return "", fmt.Errorf("reading %s: %w", InputName(name), err)
	}
	data = bytes.TrimSuffix(bytes.TrimSuffix(data, []byte("\n")), []byte("\r"))
	if len(data) == 0 || bytes.ContainsAny(data, "\r\n\x00") {
		return "", fmt.Errorf("reading %s: one line with the secret is expected", InputName(name))
	}
	return string(data), nil
}
