package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"capf/enroll/devices"
	"capf/store"
)

// operators is how many of them run commands at the same time.
const operators = 3

var operator = store.Actor{Kind: store.Operator, Name: "crash"}

// staff are the operators of a storm.
type staff struct{ *storm }

// operate runs commands and kills some of them, like an operator who loses
// patience or the connection.
func (s staff) operate(ctx context.Context, r *rand.Rand) error {
	for pause(ctx, between(r, 0, 100*time.Millisecond)) {
		if r.IntN(25) == 0 {
			s.maintain(ctx, r)
			continue
		}
		patience := 30 * time.Second
		if r.IntN(8) == 0 {
			patience = between(r, time.Millisecond, 100*time.Millisecond)
		}
		one, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		switch d := s.devices[r.IntN(len(s.devices))]; r.IntN(16) {
		case 0:
			s.run(one, "csr", "list", "--state", "all")
		case 1:
			s.run(one, "stale-lsc", "delete", "all")
		case 2:
			s.run(one, "status")
		case 3:
			s.run(one, "lsc", "list", "--json")
		case 4:
			s.run(one, "device", "unlock", d.name)
		case 5:
			s.endSession(one, r)
		case 6, 7:
			s.describe(one, r)
		case 8, 9:
			s.changeLists(one, r)
		default:
			args := []string{"device", "set", d.name, "--operation", "install"}
			op := store.Install
			if !d.careful || r.IntN(2) == 0 {
				op = d.choose(r)
				args[4] = op.String()
			} else if d.careful {
				// By its LSC, once it has one.
				args = append(args, "--auth-mode", "lsc")
				if !d.hasInstalled() {
					args[6] = "null-string"
				}
			}
			d.schedule(op, func() error { return s.run(one, args...) })
		}
		cancel()
	}
	return nil
}

// maintain does what operators seldom do.
func (s staff) maintain(ctx context.Context, r *rand.Rand) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	switch r.IntN(4) {
	case 0:
		s.run(ctx, "service", "restart", "capf")
	case 1:
		// One is prepared, or shown, by the command or in its time by serve; phones still
		// authenticate with LSCs that the old one has signed.
		args := []string{"cert", "regenerate", "capf", "--yes", "--after", "1s"}
		s.run(ctx, args[:4+2*r.IntN(2)]...)
	default:
		s.backup(ctx, r)
	}
}

const goodBackup = "backup found good"

// backup makes a backup and has it checked.
func (s staff) backup(ctx context.Context, r *rand.Rand) {
	file := fmt.Sprintf("%s-%x.backup", s.dir, r.Uint64())
	defer os.Remove(file)
	if s.run(ctx, "backup", file) != nil {
		return
	}
	if s.run(ctx, "check", "--db", file) == nil {
		s.count(goodBackup)
	}
}

// choose is an operation that the device can do: a careful one could no longer
// authenticate after a deletion.
func (d *device) choose(r *rand.Rand) store.Operation {
	all := []store.Operation{store.Install, store.Install, store.Troubleshoot, store.Delete}
	if d.careful {
		all = all[:3]
	}
	return all[r.IntN(len(all))]
}

// hasInstalled says whether the phone has had a certificate in its flash,
// which a careful one never deletes.
func (d *device) hasInstalled() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, one := range d.deeds {
		if one.kind == said && one.op == store.Install {
			return true
		}
	}
	return false
}

// schedule remembers an attempt to schedule something.
func (d *device) schedule(op store.Operation, try func() error) {
	d.scheduling.Lock()
	defer d.scheduling.Unlock()
	began := d.now()
	err := try()
	d.tried(op, began, err == nil)
}

// run runs a command.
func (s *storm) run(ctx context.Context, args ...string) error { return s.runWith(ctx, "", args...) }

// runWith runs a command with something on stdin.
func (s *storm) runWith(ctx context.Context, stdin string, args ...string) error {
	cmd := s.command(ctx, args...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	switch {
	case ctx.Err() != nil:
		s.count("command killed")
	case err != nil:
		s.failed(args, out)
	default:
		s.count("command ok")
	}
	return err
}

// schedule is an operator's program, which schedules faster than commands can and
// uses the database from another process.
func (s staff) schedule(ctx context.Context, r *rand.Rand) error {
	db, err := store.Open(ctx, s.database(), store.Options{})
	if err != nil {
		return err
	}
	rules := &devices.Rules{Store: db, Now: time.Now}
	for pause(ctx, between(r, 0, 30*time.Millisecond)) {
		d := s.devices[r.IntN(len(s.devices))]
		op := d.choose(r)
		d.schedule(op, func() error {
			_, _, err := rules.Change(context.WithoutCancel(ctx), operator, d.name, devices.Edit{Operation: &op})
			if err != nil {
				s.failed([]string{"scheduling by a program"}, []byte(err.Error()))
			}
			return err
		})
	}
	err = db.Close()
	if errors.Is(err, store.ErrFull) {
		return nil
	}
	return err
}
