package files

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"

	"capf/internal/durable"
)

// madeFile lists the files of a folder that the shell has made, with the SHA-256
// of each: one that reads otherwise by now has been changed by somebody else. Its
// name is hidden, so that no line of the shell reaches it.
const madeFile = ".capf-shell"

// madeLimit is the most that is read of it, in bytes.
const madeLimit = 4 << 20

func (d *Folder) keeps() bool { return d.OnlyOwn != "" }

// mayReplace protects files that the shell has not made from sessions below level 4.
func (d *Folder) mayReplace(at *os.Root, base, name string) error {
	if !d.keeps() {
		return nil
	}
	made, err := readMade(at)
	if err != nil {
		return err
	}
	sum, err := sumOf(at, base)
	if err != nil {
		return err
	}
	if was, ok := made[base]; !ok || was != sum {
		return Forbidden("%q was not made by this shell, or has changed since, so %s does not replace it", name, d.OnlyOwn)
	}
	return nil
}

// place locks the folder while it examines a file, replaces it and remembers what
// was written, so that two sessions do not do so at once.
func (d *Folder) place(f File) durable.Place {
	return func(at *os.Root, temp, base string) error {
		lock, err := at.Open(".")
		if err != nil {
			return err
		}
		defer lock.Close()
		if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
			return err
		}
		sum, err := sumOf(at, temp)
		if err != nil {
			return err
		}
		if err := f.free(at, base); err != nil {
			return err
		}
		place := durable.New
		if _, err := at.Lstat(base); err == nil {
			place = durable.Replace
		}
		if err := place(at, temp, base); err != nil {
			return err
		}
		return remember(at, base, sum)
	}
}

// readMade reads the list: the SHA-256 of each file by its name.
func readMade(at *os.Root) (map[string]string, error) {
	f, err := at.Open(madeFile)
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]string{}, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, madeLimit))
	made := map[string]string{}
	for line := range strings.Lines(string(data)) {
		sum, quoted, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if name, err := strconv.Unquote(quoted); err == nil {
			made[name] = sum
		}
	}
	return made, err
}

// remember adds a file to the list, and drops those that no longer exist.
func remember(at *os.Root, base, sum string) error {
	made, err := readMade(at)
	if err != nil {
		return err
	}
	made[base] = sum
	var list bytes.Buffer
	for name, sum := range made {
		if _, err := at.Lstat(name); err == nil {
			fmt.Fprintf(&list, "%s %q\n", sum, name)
		}
	}
	return durable.File{Folder: at, Name: madeFile, Place: durable.Replace}.Write(func(temp *os.File) error {
		_, err := temp.Write(list.Bytes())
		return err
	})
}

func sumOf(at *os.Root, name string) (string, error) {
	f, err := at.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, f)
	return fmt.Sprintf("%x", h.Sum(nil)), err
}
