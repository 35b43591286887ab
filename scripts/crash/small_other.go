//go:build !linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
)

var errSmall = errors.New("a small disk needs the mount namespaces of Linux")

func (o options) onSmallDisk(_ context.Context, _ string, stdout, _ io.Writer) error {
	fmt.Fprintf(stdout, "crash: no disk is filled on %s: %v\n", runtime.GOOS, errSmall)
	return nil
}

func mountSmall(string) error { return errSmall }
