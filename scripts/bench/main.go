// Bench measures capf as its users meet it: phones that enroll over TLS with a
// serve process of its own, and commands on a database of some size. Each
// figure stands beside what bounds it, measured in the same run. It sets no
// thresholds; it fails only when something did not work.
//
// It needs Linux, because it reads /proc.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"capf/scripts/driver"
)

// options are the options of the command line.
type options struct {
	capf      string
	dir       string
	json      string
	cores     division
	devices   []int         // in the database besides those that enrol, measurements of all clients each
	clients   []int         // phones at the same time, a measurement each
	span      time.Duration // of one measurement
	parts     int           // of a measurement, between which the bound is measured
	baseline  time.Duration // of one look
	runs      int           // of each command
	listed    int           // devices in the database of the commands
	pending   int           // requests in it
	attackers int           // connections of the largest attack
	requests  int           // that go to an offline CA and come back
	waiting   int           // phones that wait for it
	lists     bool          // trust lists are written
}

const usage = `Usage: go run ./scripts/bench [flags]

Measures enrolments over TLS against "capf serve" as a process of its own, with
every commit synced to the disk; the same beside attacks, and beside phones that
fetch files; the time and memory of commands on a large database; exports, imports
and phones that wait; trust lists. About eight minutes; -short takes less than one.

Flags:
`

func main() { driver.Main("bench", run) }

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) > 0 {
		if role, ok := roles[args[0]]; ok {
			return role(args[1:])
		}
	}
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(o.dir, "capf-bench-")
	if err != nil {
		return fmt.Errorf("making a folder for the databases: %w", err)
	}
	o.dir = dir
	r, err := measure(ctx, o, stderr)
	if ctx.Err() != nil {
		err = errors.New("interrupted") // an interrupt is the cause of whatever failed
	}
	if err := errors.Join(err, os.RemoveAll(dir)); err != nil {
		return err
	}
	if o.json != "" {
		if err := r.save(o.json); err != nil {
			return err
		}
	}
	return r.print(stdout)
}

// measure makes all measurements, one after the other. Progress goes to stderr, where
// it does not mix with the table.
func measure(ctx context.Context, o options, progress io.Writer) (report, error) {
	began := time.Now()
	m, err := thisMachine(o.dir)
	if err != nil {
		return report{}, err
	}
	r := report{Machine: m, Cores: o.cores, Date: began.UTC().Truncate(time.Second)}
	say := func(format string, args ...any) { fmt.Fprintf(progress, "bench: "+format+"\n", args...) }
	if len(o.clients) > 0 {
		if err = measureEnrolment(ctx, o, say, &r); err != nil {
			return r, err
		}
	}
	if o.runs > 0 {
		if r.Commands, err = measureCommands(ctx, o, say); err != nil {
			return r, err
		}
	}
	if o.requests > 0 {
		if r.Offline, err = measureOffline(ctx, o, say); err != nil {
			return r, err
		}
	}
	if o.lists {
		if r.Lists, err = measureLists(ctx, o, say); err != nil {
			return r, err
		}
	}
	r.Took = time.Since(began)
	return r, nil
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	f := driver.Flags("bench", usage, stderr)
	short := f.Bool("short", false, "measure for a shorter time, on smaller databases and beside smaller attacks")
	clients := f.String("clients", "1,16,256", "phones that enrol at the same time, a measurement for each `NUMBER`; empty leaves enrolment out")
	devices := f.String("devices", "1000,1000000", "`NUMBERS` of devices in the database besides those that enrol, measurements for each")
	serverCores := f.Int("server-cores", -1, "`NUMBER` of cores for the server alone; 0 shares all with the phones, -1 means half of them")
	f.StringVar(&o.capf, "capf", "./capf", "the `PROGRAM` that is measured")
	f.StringVar(&o.dir, "dir", "/var/tmp", "make the databases in the `FOLDER`, which should be on a disk")
	f.StringVar(&o.json, "json", "", "write the figures to the `FILE` too")
	f.DurationVar(&o.span, "time", 5*time.Second, "`TIME` for which phones enrol in each measurement")
	f.IntVar(&o.attackers, "attackers", 10_000, "`NUMBER` of connections of the largest attack; 0 leaves attacks out")
	f.IntVar(&o.runs, "runs", 11, "`NUMBER` of runs of each command; 0 leaves the commands out")
	f.IntVar(&o.requests, "requests", 20_000, "`NUMBER` of requests that are exported and come back from an offline CA; 0 leaves it out")
	f.IntVar(&o.waiting, "waiting", 8000, "with -requests, `NUMBER` of phones that wait for the offline CA")
	f.BoolVar(&o.lists, "lists", true, "write trust lists")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("%q is no flag", f.Arg(0))
	}
	o.parts, o.baseline, o.listed, o.pending = 3, 600*time.Millisecond, 100_000, 1000
	if *short {
		*devices = "1000"
		o.parts, o.baseline, o.listed = 1, 300*time.Millisecond, 20_000
		o.span, o.runs, o.attackers = min(o.span, 1500*time.Millisecond), min(o.runs, 5), min(o.attackers, 1000)
		o.requests, o.waiting = min(o.requests, 2000), min(o.waiting, 500)
	}
	var err error
	if o.clients, err = numbers("-clients", *clients, 1); err != nil {
		return o, err
	}
	if o.devices, err = numbers("-devices", *devices, 0); err != nil {
		return o, err
	}
	if o.span <= 0 || o.runs < 0 || o.attackers < 0 || o.requests < 0 || o.waiting < 0 {
		return o, errors.New("-time, -runs, -attackers, -requests, -waiting: there is no such number")
	}
	if o.capf, err = driver.Capf(o.capf); err != nil {
		return o, err
	}
	o.cores, err = divide(*serverCores)
	return o, err
}

// numbers reads a list of them, none of which may be less than least.
func numbers(name, text string, least int) (list []int, err error) {
	for word := range strings.FieldsFuncSeq(text, func(c rune) bool { return c == ',' }) {
		n, err := strconv.Atoi(word)
		if err != nil || n < least {
			return nil, fmt.Errorf("%s: %q is not a number from %d on", name, word, least)
		}
		list = append(list, n)
	}
	return list, nil
}
