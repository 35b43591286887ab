package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"capf/crypto"
	"capf/store"
)

// commands is the result of measuring commands.
type commands struct {
	Devices int   `json:"devices"`
	Pending int   `json:"pending_requests"`
	Runs    int   `json:"runs"`
	File    int64 `json:"file_bytes"`
	// Added is how many devices a second were added through package store.
	Added float64 `json:"devices_added_per_second"`
	// Floor is the smallest peak of memory that the kernel can show: that of
	// the process that starts the commands.
	Floor int64     `json:"memory_floor_bytes"`
	Rows  []command `json:"commands"`
}

// command is one command, or a baseline for comparison.
type command struct {
	Name     string        `json:"command"`
	Baseline bool          `json:"baseline,omitempty"`
	Median   time.Duration `json:"median_ns"`
	Least    time.Duration `json:"least_ns"`
	Peak     int64         `json:"peak_bytes"` // the largest of all runs

	args []string // {run} in it becomes the number of the run
}

func measureCommands(ctx context.Context, o options, say func(string, ...any)) (*commands, error) {
	c := &commands{Devices: o.listed, Pending: o.pending, Runs: o.runs}
	say("adding %d devices for the commands", o.listed)
	d, err := newDatabase(ctx, o, "commands")
	if err != nil {
		return c, err
	}
	if err := d.with(ctx, func(s *store.Store) error { return c.fill(ctx, s) }); err != nil {
		return c, err
	}
	if c.File, err = d.size(); err != nil {
		return c, err
	}
	if c.Rows, err = c.list(o, d); err != nil {
		return c, err
	}
	if err := c.check(ctx, o, d); err != nil {
		return c, err
	}
	say("running each of %d commands %d times", len(c.Rows), c.Runs)
	return c, c.measure(ctx, o, d)
}

// fill adds the devices, with an operation scheduled for every tenth, and requests
// that wait for an issuer, each with its own key.
func (c *commands) fill(ctx context.Context, s *store.Store) error {
	every := max(1, c.Devices/c.Pending)
	waiting := make([]store.Device, c.Pending)
	began := time.Now()
	err := eachOf(c.Devices, func(i int) error {
		d := device(i)
		if i%10 == 0 || i%every == 0 {
			d = scheduled(d, store.RSAOnly)
		}
		d, err := s.AddDevice(ctx, operator, d)
		if n := i / every; i%every == 0 && n < len(waiting) {
			waiting[n] = d
		}
		return err
	})
	if err != nil {
		return err
	}
	c.Added = float64(c.Devices) / time.Since(began).Seconds()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	return eachOf(len(waiting), func(i int) error {
		d := waiting[i]
		spki, err := crypto.MarshalPublicKey(&key.PublicKey)
		if err != nil {
			return err
		}
		hash := crypto.KeyHash(append(spki, d.Name...)) // requests with the same key would be a different case
		_, err = s.SubmitRequest(ctx, store.Actor{Kind: store.Phone, Name: d.Name, Address: "192.0.2.1"}, store.Request{
			DeviceID: d.ID, Schedule: d.Schedule, Issuer: "offline-ca", KeyKind: string(crypto.RSA2048),
			KeyHash: hash[:], PublicKey: spki, Address: "192.0.2.1",
		})
		return err
	})
}

// list is what is measured.
func (c *commands) list(o options, d database) ([]command, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	nothing, err := exec.LookPath("true")
	if err != nil {
		return nil, err
	}
	rows := []command{
		{Name: "true", Baseline: true, args: []string{nothing}},
		{Name: "a Go program that does nothing", Baseline: true, args: []string{self, "nothing"}},
		{Name: "it opens SQLite and counts tables", Baseline: true, args: []string{self, "sqlite", string(d)}},
	}
	one := deviceName(c.Devices / 2)
	for _, args := range [][]string{
		{"version"}, {"csr", "count"}, {"csr", "list"}, {"csr", "list", "--json"}, {"csr", "show", "1"},
		{"device", "show", one}, {"device", "set", one, "--description", "run {run}"},
		{"device", "list", "SEP00*"}, {"device", "list"},
		{"status"}, {"show"}, {"audit", "list", "--limit", "100"},
	} {
		name := strings.Join(args, " ")
		rows = append(rows, command{Name: "capf " + name, args: append([]string{o.capf}, args...)})
	}
	return rows, nil
}

// check makes sure that there is something for the commands to list.
func (c *commands) check(ctx context.Context, o options, d database) error {
	cmd := d.command(ctx, o, "csr", "count")
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("capf csr count: %w", err)
	}
	if n, err := strconv.Atoi(string(bytes.TrimSpace(out))); err != nil || n != c.Pending {
		return fmt.Errorf("capf csr count says %q, not %d", bytes.TrimSpace(out), c.Pending)
	}
	return nil
}

// measure runs the commands, which take turns.
func (c *commands) measure(ctx context.Context, o options, d database) error {
	order := launchOrder{Runs: c.Runs}
	for _, row := range c.Rows {
		order.Commands = append(order.Commands, row.args)
	}
	result, err := o.launch(ctx, d, order)
	if err != nil {
		return err
	}
	c.Floor = result.Own
	for i, runs := range result.Runs {
		row := &c.Rows[i]
		var took []time.Duration
		for _, run := range runs {
			took = append(took, run.Took)
			row.Peak = max(row.Peak, run.Peak)
		}
		slices.Sort(took)
		row.Least, row.Median = took[0], percentile(took, 50)
	}
	return nil
}
