package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"

	"capf/scripts/driver"
)

// division assigns the processor cores. In reality phones and attackers are
// other machines: on cores of their own they take nothing from the server,
// so that its figures can be compared with the limit of its cores.
type division struct {
	Server []int `json:"server_cores"` // by number
	Others []int `json:"other_cores"`  // the same ones if they share
}

// divide gives the server a number of cores and the rest to this process. With 0 they
// share all cores; a negative number means half of them.
func divide(n int) (division, error) {
	all, err := allowedCores()
	if err != nil {
		return division{}, err
	}
	if n < 0 {
		n = len(all) / 2
	}
	if n >= len(all) {
		return division{}, fmt.Errorf("-server-cores %d: there are %d here, and the phones need one", n, len(all))
	}
	if n == 0 {
		return division{all, all}, nil
	}
	d := division{all[:n], all[n:]}
	return d, confine(d.Others)
}

func (d division) all() []int {
	if d.shared() {
		return d.Server
	}
	return append(append([]int(nil), d.Server...), d.Others...)
}

// String describes the division.
func (d division) String() string {
	if d.shared() {
		return fmt.Sprintf("server and phones share %d cores", len(d.Server))
	}
	return fmt.Sprintf("the server has cores to itself: %d, the phones: %d", len(d.Server), len(d.Others))
}

func (d division) shared() bool { return d.Server[0] == d.Others[0] }

// itself starts this program again, in another role and on some of the cores,
// and reads its answer.
func itself(ctx context.Context, cores []int, env []string, input, answer any, args ...string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	text, err := json.Marshal(input)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = env, bytes.NewReader(text), &out, os.Stderr
	if err := startOn(cores, cmd); err != nil {
		return fmt.Errorf("starting bench %s: %w", args[0], err)
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("bench %s: %w", args[0], err)
	}
	return json.Unmarshal(out.Bytes(), answer)
}

// launch has a small process run commands on the database, on all cores. On Linux the
// peak memory of a process is never below that of its parent, and this process has
// grown with the load.
func (o options) launch(ctx context.Context, d database, order launchOrder) (r launchResult, err error) {
	err = itself(ctx, o.cores.all(), driver.Environment(string(d)), order, &r, "launch")
	return r, err
}
