package main

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// roles are the roles in which this program starts itself again.
var roles = map[string]func(args []string) error{
	"attack":  makeAttack,
	"launch":  launch,
	"sign":    sign,
	"nothing": func([]string) error { return nil },
	"sqlite":  openSQLite,
}

// launchOrder says which commands to run. They take turns, so that other
// load on the machine affects all of them.
type launchOrder struct {
	Runs     int
	Commands [][]string
}

// launchResult has the runs of each command.
type launchResult struct {
	Own  int64 // peak memory of the process that started them, in bytes
	Runs [][]launched
}

type launched struct {
	Took time.Duration
	Peak int64 // memory, in bytes
}

// launch reads an order and writes the result.
func launch([]string) error {
	var order launchOrder
	if err := json.NewDecoder(os.Stdin).Decode(&order); err != nil {
		return err
	}
	result := launchResult{Runs: make([][]launched, len(order.Commands))}
	for run := range order.Runs {
		for i, args := range order.Commands {
			one, err := launchOne(args, run)
			if err != nil {
				return err
			}
			result.Runs[i] = append(result.Runs[i], one)
		}
	}
	var err error
	if result.Own, err = peakMemory(os.Getpid()); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(result)
}

// launchOne runs a command and discards its output.
func launchOne(args []string, run int) (launched, error) {
	cmd := exec.Command(args[0])
	for _, arg := range args[1:] {
		cmd.Args = append(cmd.Args, strings.ReplaceAll(arg, "{run}", strconv.Itoa(run)))
	}
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	began := time.Now()
	err := cmd.Run()
	took := time.Since(began)
	if err != nil {
		return launched{}, fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, complaint.Bytes())
	}
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return launched{}, errors.New("this system does not report the memory of a process")
	}
	return launched{took, int64(usage.Maxrss) << 10}, nil
}

// openSQLite is the least that a command has to do before it can query anything: open
// the file and read its schema. The driver comes with package store.
func openSQLite(args []string) error {
	if len(args) != 1 {
		return errors.New("sqlite: the database is missing")
	}
	db, err := sql.Open("sqlite", "file:"+args[0]+"?_pragma=query_only(1)")
	if err != nil {
		return err
	}
	var tables int
	err = db.QueryRow("SELECT count(*) FROM sqlite_schema").Scan(&tables)
	return errors.Join(err, db.Close())
}
