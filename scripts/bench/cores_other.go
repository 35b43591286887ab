//go:build !linux

package main

import (
	"errors"
	"os/exec"
)

var errNotHere = errors.New("processor cores are divided on Linux only")

func allowedCores() ([]int, error) { return nil, errNotHere }

func confine([]int) error { return errNotHere }

func startOn([]int, *exec.Cmd) error { return errNotHere }
