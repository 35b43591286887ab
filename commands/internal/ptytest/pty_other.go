//go:build !linux

// Package ptytest opens pseudo-terminals for tests.
package ptytest

import (
	"os"
	"runtime"
	"testing"
)

// Open knows the pseudo-terminals of Linux only.
func Open(t testing.TB, _ int) (master, slave *os.File) {
	t.Helper()
	t.Fatalf("how to open a pseudo-terminal on %s is not known here", runtime.GOOS)
	return nil, nil
}

// HangUp closes the master of a terminal.
func HangUp(t testing.TB, master *os.File) {
	t.Helper()
	if err := master.Close(); err != nil {
		t.Fatal(err)
	}
}

// Resize knows the pseudo-terminals of Linux only.
func Resize(testing.TB, *os.File, int) {}
