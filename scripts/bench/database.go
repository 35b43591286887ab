package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"capf/scripts/driver"
	"capf/store"
)

// operator is the actor who adds the devices.
var operator = store.Actor{Kind: store.Operator, Name: "bench"}

// writers is how many goroutines add rows: those that wait together share a commit.
const writers = 256

// database is the file of a database that no process has open, so that this one file
// is complete. Its master key is beside it.
type database string

func (d database) masterKey() string { return driver.MasterKey(string(d)) }

// command is capf on the database.
func (d database) command(ctx context.Context, o options, args ...string) *exec.Cmd {
	return driver.Command(ctx, o.capf, string(d), args...)
}

// newDatabase creates one in a new folder.
func newDatabase(ctx context.Context, o options, name string) (database, error) {
	folder := filepath.Join(o.dir, name)
	if err := os.Mkdir(folder, 0o700); err != nil {
		return "", err
	}
	d := database(filepath.Join(folder, "capf.db"))
	if out, err := d.command(ctx, o, "init", "--organization", "Example", "--country", "DE").CombinedOutput(); err != nil {
		return "", fmt.Errorf("capf init: %w\n%s", err, out)
	}
	return d, nil
}

// copyTo makes a copy in a new folder.
func (d database) copyTo(folder string) (database, error) {
	if err := os.Mkdir(folder, 0o700); err != nil {
		return "", err
	}
	to := database(filepath.Join(folder, "capf.db"))
	for from, to := range map[string]string{string(d): string(to), d.masterKey(): to.masterKey()} {
		if err := copyFile(from, to); err != nil {
			return "", err
		}
	}
	return to, nil
}

func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	// Otherwise the pending writes would happen during the measurement.
	return out.Sync()
}

func (d database) size() (int64, error) {
	info, err := os.Stat(string(d))
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// with runs a function on the open database.
func (d database) with(ctx context.Context, work func(*store.Store) error) error {
	s, err := store.Open(ctx, string(d), store.Options{})
	if err != nil {
		return err
	}
	return errors.Join(work(s), s.Close())
}

// eachOf does the work for every number below n, many concurrently.
func eachOf(n int, work func(i int) error) error {
	var next atomic.Int64
	var all sync.WaitGroup
	errs := make(chan error, writers)
	for range writers {
		all.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				if err := work(int(i)); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	all.Wait()
	close(errs)
	return <-errs
}

// deviceName is the name of device i. All names differ, and their order is not that
// of the numbers, as with phones bought over the years.
func deviceName(i int) string {
	const odd = 0x5deece66d // any odd number gives each i another name
	return fmt.Sprintf("SEP%012X", uint64(i)*odd&(1<<48-1))
}

// device is a phone with nothing scheduled.
func device(i int) store.Device {
	return store.Device{
		Name: deviceName(i), Description: fmt.Sprintf("phone %d", i), Model: "8845", Pool: fmt.Sprintf("site-%d", i%100),
		SecurityMode: store.Nonsecure, IPMode: store.TwoStack, Operation: store.NoOperation, AuthMode: store.ByNullString,
		KeyOrder: store.RSAOnly, RSABits: 2048, ECBits: 256, Status: store.StatusNone,
	}
}

// scheduled is the device with Install/Upgrade scheduled.
func scheduled(d store.Device, order store.KeyOrder) store.Device {
	d.KeyOrder, d.Operation, d.Status = order, store.Install, store.StatusPending
	d.Schedule, d.CompletesBy = 1, time.Now().AddDate(0, 0, 10)
	return d
}
