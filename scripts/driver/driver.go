// Package driver holds what the programs beside it share: how they start, and
// how they run capf as a separate process.
package driver

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
)

// Run is a program with its arguments; it ends early if ctx does.
type Run func(ctx context.Context, args []string, stdout, stderr io.Writer) error

// Main runs a program until it ends or is interrupted.
func Main(name string, run Run) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}

// Flags are the flags of a program whose help begins with usage.
func Flags(name, usage string, stderr io.Writer) *flag.FlagSet {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.SetOutput(stderr)
	f.Usage = func() { fmt.Fprint(stderr, usage); f.PrintDefaults() }
	return f
}

// Capf makes the path of the program, the value of -capf, absolute.
func Capf(name string) (string, error) {
	path, err := filepath.Abs(name)
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("-capf: there is no %q; make build makes it", name)
	}
	return path, nil
}

// Command is capf on a database.
func Command(ctx context.Context, capf, database string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, capf, args...)
	cmd.Env = Environment(database)
	return cmd
}

// Environment is the environment of a capf that uses the database.
func Environment(database string) []string {
	return append(os.Environ(), "CAPF_DB="+database, "CAPF_MASTER_KEY_FILE="+MasterKey(database), "CAPF_OUTPUT=table")
}

// MasterKey is the file of the master key of a database.
func MasterKey(database string) string { return strings.TrimSuffix(database, ".db") + ".master-key" }
