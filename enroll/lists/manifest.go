package lists

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"capf/enroll/trustlist"
	"capf/internal/apperr"
	"capf/internal/durable"
)

// manifestName is the file that says which files of a folder capf has written. It has the
// form of sha256sum: sha256sum -c finds what somebody else has changed.
const manifestName = ".capf-trust-lists"

// manifestLimit bounds what is read, in bytes.
const manifestLimit = 256 << 20

type hash = [sha256.Size]byte

// manifest has the hashes of the files that capf has written, by their names. A file has
// two of them while it is written: one of them is true, whenever that is interrupted.
type manifest map[string][]hash

func (m manifest) has(name string, h hash) bool { return slices.Contains(m[name], h) }

func (m manifest) add(name string, h hash) {
	if !m.has(name, h) {
		m[name] = append(m[name], h)
	}
}

func (m manifest) names() []string { return slices.Sorted(maps.Keys(m)) }

func (m manifest) equal(other manifest) bool { return maps.EqualFunc(m, other, slices.Equal) }

// with has the hashes of both.
func (m manifest) with(other manifest) manifest {
	both := manifest{}
	for _, one := range []manifest{m, other} {
		for name, hashes := range one {
			for _, h := range hashes {
				both.add(name, h)
			}
		}
	}
	return both
}

// isOurs says whether capf writes files of the name into a folder of lists.
func isOurs(name string) bool {
	kind, _ := trustlist.ParseFileName(name)
	return kind != "" || name == manifestName
}

// readManifest reads that of a folder. Lines that are none of ours are passed over: what
// they name is not ours, and stays.
func readManifest(at *os.Root) (manifest, error) {
	m := manifest{}
	info, err := at.Lstat(manifestName)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return m, nil
	case err == nil && (!info.Mode().IsRegular() || info.Size() > manifestLimit):
		return nil, apperr.Refused("%s in the folder is not what capf has written", manifestName)
	}
	var data []byte
	if err == nil {
		data, err = at.ReadFile(manifestName)
	}
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", manifestName, apperr.WithoutPath(err))
	}
	for lines := bufio.NewScanner(bytes.NewReader(data)); lines.Scan(); {
		sum, name, _ := strings.Cut(lines.Text(), "  ")
		h, err := hex.DecodeString(sum)
		if kind, _ := trustlist.ParseFileName(name); err == nil && len(h) == sha256.Size && kind != "" && !strings.Contains(name, "/") {
			m.add(name, hash(h))
		}
	}
	return m, nil
}

// write replaces that of the folder.
func (m manifest) write(at *os.Root) error {
	file := durable.File{Folder: at, Name: manifestName, Mode: 0o644, Place: durable.Replace}
	err := file.Write(func(temp *os.File) error {
		out := bufio.NewWriter(temp)
		for _, name := range m.names() {
			for _, h := range m[name] {
				fmt.Fprintf(out, "%x  %s\n", h, name)
			}
		}
		return out.Flush()
	})
	if err != nil {
		return fmt.Errorf("writing %q: %w", manifestName, err)
	}
	return nil
}

// How long a folder may be locked by another process, and how often that is tried.
// Whoever can read a folder can lock it, and keep it locked.
const (
	lockWait  = 30 * time.Second
	lockAgain = 20 * time.Millisecond
)

// lockFolder keeps other processes of capf from writing to the folder at the same time.
// Where the file system has no such locks, that is left to chance, which the manifest
// outlives; locked is false.
func lockFolder(ctx context.Context, at *os.Root, shared bool) (locked bool, unlock func(), err error) {
	folder, err := at.Open(".")
	if err != nil {
		return false, nil, apperr.WithoutPath(err)
	}
	how := syscall.LOCK_EX
	if shared {
		how = syscall.LOCK_SH
	}
	tick := time.NewTicker(lockAgain)
	defer tick.Stop()
	for end := time.Now().Add(lockWait); ; {
		err := syscall.Flock(int(folder.Fd()), how|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EINTR) && !errors.Is(err, syscall.EWOULDBLOCK) {
			return err == nil, func() { folder.Close() }, nil
		}
		if time.Now().After(end) {
			folder.Close()
			return false, nil, apperr.WithHint(apperr.Refused("another program keeps the folder locked"), "lsof +d names it; capf itself is done with a folder within seconds")
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			folder.Close()
			return false, nil, context.Cause(ctx)
		}
	}
}
