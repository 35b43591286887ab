// Package liveness tells whether a serve that has reported itself to the database
// still runs. It looks at processes of this host and at the clock; what a serve
// does, and what follows when none runs, is for others.
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

// How old the report of a living server can be: it makes one every five
// seconds, but not while another process keeps the database to itself, as a
// long import does. On this host the process itself tells that it lives. What
// could write nothing for so long serves nobody any more, and its number may be
// that of another process in the end: of a container with this host's name.
const (
	reportAge  = 20 * time.Second
	keptSilent = 5 * time.Minute
)

// Alive tells whether a serve that has reported itself still runs. On this host
// the process is looked for, so that one that was killed is noticed at once,
// and one that cannot write at the moment is not taken for dead.
func Alive(v store.Server, now time.Time) bool {
	host, err := os.Hostname()
	if err != nil || host != v.Host {
		// A report from the future is of a clock that has gone back since.
		return now.Sub(v.SeenAt).Abs() <= reportAge
	}
	return speaksFor(v, now, processAge(v.PID))
}

// Silent tells of a serve whose report is old although a process of this host
// bears its number: it cannot write to the database, since the disk is full or
// another process keeps it. Once Alive does not hold any more, it may have ended,
// and the number be that of another process.
func Silent(v store.Server, now time.Time) bool {
	host, err := os.Hostname()
	return err == nil && host == v.Host && mute(v, now, processAge(v.PID))
}

func mute(v store.Server, now time.Time, age time.Duration) bool {
	silent := now.Sub(v.SeenAt)
	return silent > reportAge && silent <= age
}

// speaksFor tells whether a process of this host, of that age, made the report:
// who is younger has only got its number. 0 is no process at all.
func speaksFor(v store.Server, now time.Time, age time.Duration) bool {
	silent := now.Sub(v.SeenAt)
	return age > 0 && silent <= age && silent <= keptSilent
}

// processAge is how long ago the process with the number began, 0 when there is
// none. Where the system does not tell, it is as old as a report may be.
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
	// Both are cut to a hundredth; a report is never older than its process.
	return time.Duration((now - began/ticks + 1) * float64(time.Second))
}

// Alone tells a serve that has not reported itself yet whether no other works
// with the database. What bears its own number is an earlier one: in a
// container each is number 1.
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
