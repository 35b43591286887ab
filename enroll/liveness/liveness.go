// Package liveness finds out whether a serve that has written its report to the
// database is still running. It looks at the processes of this host and at the
// clock. It does not know what a serve does, or what follows when none runs.
package liveness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"capf/store"
)

// How old the report of a live server can be. It writes one every five seconds,
// but not while another process holds the database, as a long import does. On
// this host the process itself shows that it is alive. But a server that could
// not write for silentLimit serves no phone, and its process id may by then
// belong to another process, such as one in a container with this host's name.
const (
	reportAge   = 20 * time.Second
	silentLimit = 5 * time.Minute
)

// Alive reports whether a serve that wrote a report is still running. On this
// host it looks for the process, so that a killed one is noticed at once, and
// one that cannot write at the moment is not taken for dead.
func Alive(v store.Server, now time.Time) bool {
	host, err := os.Hostname()
	if err != nil || host != v.Host {
		// A report from the future was written before the clock went back.
		return now.Sub(v.SeenAt).Abs() <= reportAge
	}
	return wroteReport(v, now, processAge(v.PID))
}

// Silent reports whether a serve has an old report although a process of this
// host has its id: it cannot write to the database, because the disk is full or
// another process holds it. Once Alive is false, it may have ended, and the id
// may belong to another process.
func Silent(v store.Server, now time.Time) bool {
	host, err := os.Hostname()
	return err == nil && host == v.Host && isSilent(v, now, processAge(v.PID))
}

func isSilent(v store.Server, now time.Time, age time.Duration) bool {
	silent := now.Sub(v.SeenAt)
	return silent > reportAge && silent <= age
}

// wroteReport reports whether a process of this host, of that age, wrote the
// report: a younger one has only reused the id. An age of 0 means that there is
// no process.
func wroteReport(v store.Server, now time.Time, age time.Duration) bool {
	silent := now.Sub(v.SeenAt)
	return age > 0 && silent <= age && silent <= silentLimit
}

// processAge returns how long ago the process with the id began, 0 when there
// is none. Where the system does not say, it is as old as a report may be.
func processAge(pid int) time.Duration {
	if err := syscall.Kill(pid, 0); err != nil && !errors.Is(err, syscall.EPERM) {
		return 0
	}
	const ticks = 100 // a second, on every Linux
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	uptime, upErr := os.ReadFile("/proc/uptime")
	if err != nil || upErr != nil {
		return reportAge
	}
	// The name in parentheses may hold anything; the start is the 22nd field.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	up, _, _ := strings.Cut(string(uptime), " ")
	now, err := strconv.ParseFloat(up, 64)
	if err != nil || len(fields) < 20 {
		return reportAge
	}
	began, err := strconv.ParseFloat(fields[19], 64)
	if err != nil {
		return reportAge
	}
	// Both are truncated to hundredths; a report is never older than its
	// process.
	return time.Duration((now - began/ticks + 1) * float64(time.Second))
}

// Alone tells a serve that has not written a report yet whether it is the
// only one on the database. A report with its own process id is from an
// earlier serve: in a container each has id 1.
func Alone(ctx context.Context, s *store.Reader, now time.Time) (bool, error) {
	servers, err := s.Servers(ctx)
	if err != nil {
		return false, err
	}
	host, err := os.Hostname()
	for _, v := range servers {
		own := err == nil && v.Host == host && v.PID == os.Getpid()
		if !own && Alive(v, now) {
			return false, nil
		}
	}
	return true, nil
}
