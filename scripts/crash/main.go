// Crash looks for what capf loses. Phones enroll, give their certificates away
// and delete them, losing their power at any step; operators schedule, list, delete,
// end sessions, and make devices, trust stores and parameters as files describe
// them; and "capf serve" is killed and started again all the while, in a second
// storm with a disk that is full now and then. Phones and operators remember what
// they were told, and in the end the database is compared with that.
//
// It needs Linux, and sqlite3 for a second opinion on the file.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"capf/scripts/driver"
)

// options are the options of the command line.
type options struct {
	capf    string
	dir     string
	span    time.Duration
	most    time.Duration // the most that one storm may take
	seed    uint64
	devices int
	phones  int // at work at the same time
	keep    bool
	small   bool // this is the storm on the small disk
}

const usage = `Usage: go run ./scripts/crash [flags]

Kills "capf serve" at random while phones and operators work, then looks for
what was lost. It goes on until it has seen enough of each kind of event. A quarter
of the time is for a storm on a small disk that is filled at times, in its own
mount namespace. The seed decides who does what; when each thing happens is up to
the machine.

Flags:
`

func main() { driver.Main("crash", run) }

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o := options{}
	f := driver.Flags("crash", usage, stderr)
	f.StringVar(&o.capf, "capf", "./capf", "the `PROGRAM` that is killed")
	f.StringVar(&o.dir, "dir", "/var/tmp", "make the database in the `FOLDER`, which should be on a disk")
	f.DurationVar(&o.span, "time", time.Minute, "`TIME` of the storms")
	f.DurationVar(&o.most, "most", 20*time.Minute, "`TIME` that each storm may take, on a slow machine, to see enough of everything")
	f.Uint64Var(&o.seed, "seed", 0, "`NUMBER` that decides who does what; 0 is a new one")
	f.IntVar(&o.devices, "devices", 60, "`NUMBER` of devices")
	f.IntVar(&o.phones, "phones", 12, "`NUMBER` of phones at work at the same time")
	f.BoolVar(&o.keep, "keep", false, "keep the databases and the logs of serve")
	f.BoolVar(&o.small, "small", false, "only the storm on a small disk, which is mounted over -dir: for the program itself")
	if err := f.Parse(args); err != nil {
		return err
	}
	if f.NArg() > 0 || o.span <= 0 || o.devices < o.phones || o.phones < 1 {
		return errors.New("see -help: there is no such choice")
	}
	var err error
	if o.capf, err = driver.Capf(o.capf); err != nil {
		return err
	}
	return o.storms(ctx, stdout, stderr)
}

// storms runs both, or the one on the small disk.
func (o options) storms(ctx context.Context, stdout, stderr io.Writer) error {
	if o.seed == 0 {
		o.seed = rand.Uint64()
	}
	if o.small {
		if err := mountSmall(o.dir); err != nil {
			return err
		}
		return o.storm(ctx, o.dir, stdout)
	}
	fmt.Fprintf(stdout, "crash: seed %d\n", o.seed)
	dir, err := os.MkdirTemp(o.dir, "capf-crash-")
	if err != nil {
		return fmt.Errorf("making a folder for the databases: %w", err)
	}
	whole := o.span
	o.span = whole * 3 / 4
	err = o.storm(ctx, filepath.Join(dir, "disk"), stdout)
	if err == nil && ctx.Err() == nil {
		o.span = whole / 4
		err = o.onSmallDisk(ctx, filepath.Join(dir, "small"), stdout, stderr)
	}
	if err != nil {
		return fmt.Errorf("%w\nthe seed was %d; the database and the log of serve are in %s", err, o.seed, dir)
	}
	if o.keep {
		fmt.Fprintf(stdout, "crash: all is in %s\n", dir)
		return nil
	}
	return os.RemoveAll(dir)
}
