package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// machine describes the machine that produced the figures.
type machine struct {
	Processor  string `json:"processor"`
	Cores      int    `json:"cores"`
	Kernel     string `json:"kernel"`
	Go         string `json:"go"`
	FileSystem string `json:"file_system"` // of the databases
}

func thisMachine(dir string) (machine, error) {
	m := machine{Cores: cores(), Go: runtime.Version()}
	release, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return m, fmt.Errorf("looking at the machine: %w", err)
	}
	m.Kernel = string(bytes.TrimSpace(release))
	if m.Processor, err = field("/proc/cpuinfo", "model name"); err != nil {
		m.Processor = runtime.GOARCH // the file names the processor only on some architectures
	}
	m.FileSystem, err = fileSystem(dir)
	return m, err
}

// cores is how many cores this process had when it began.
func cores() int { return runtime.NumCPU() }

// fileSystem names the folder's file system. In memory a sync costs nothing, which is
// not realistic for a database.
func fileSystem(dir string) (string, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return "", fmt.Errorf("looking at the file system of %q: %w", dir, err)
	}
	// The numbers are those of statfs(2).
	names := map[int64]string{0xef53: "ext4", 0x58465342: "xfs", 0x9123683e: "btrfs", 0x794c7630: "overlay",
		0x2fc12fc1: "zfs", 0x6969: "nfs", 0xf2f52010: "f2fs", 0x01021994: "tmpfs, where a sync costs nothing"}
	if name, ok := names[int64(s.Type)]; ok {
		return name, nil
	}
	return fmt.Sprintf("type %#x", int64(s.Type)), nil
}

// field is the value of the first line with the name in a file of /proc.
func field(file, name string) (string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(line, ":")
		if strings.TrimSpace(key) == name {
			return strings.TrimSpace(value), nil
		}
	}
	return "", fmt.Errorf("%s has no line %q", file, name)
}

// peakMemory is the most memory that a running process has had, in bytes.
func peakMemory(pid int) (int64, error) {
	text, err := field(fmt.Sprintf("/proc/%d/status", pid), "VmHWM")
	if err != nil {
		return 0, err
	}
	kib, err := strconv.ParseInt(strings.TrimSuffix(text, " kB"), 10, 64)
	return kib << 10, err
}

// tick is the unit of processor times in /proc, the same on every Linux.
const tick = 10 * time.Millisecond

// processors is how much processor time has been used so far.
type processors struct {
	server, client time.Duration
	busy           time.Duration // of all processes and the kernel
}

func (p processors) since(before processors) processors {
	return processors{p.server - before.server, p.client - before.client, p.busy - before.busy}
}

func (p processors) plus(more processors) processors {
	return processors{p.server + more.server, p.client + more.client, p.busy + more.busy}
}

// processorTimes reads what a server, this process and all together have used.
func processorTimes(server int) (p processors, err error) {
	var errs [3]error
	// Of proc(5): utime and stime of a process, after its name in parentheses.
	p.server, errs[0] = ticks(fmt.Sprintf("/proc/%d/stat", server), ")", 11, 12)
	p.client, errs[1] = processorTime()
	// The first line: user, nice, system, (idle, iowait,) irq, softirq, steal.
	p.busy, errs[2] = ticks("/proc/stat", "cpu ", 0, 1, 2, 5, 6, 7)
	return p, errors.Join(errs[:]...)
}

// ticks adds up the numbers at some positions after a mark.
func ticks(file, mark string, places ...int) (time.Duration, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	_, after, _ := strings.Cut(string(text), mark)
	words := strings.Fields(after)
	var sum time.Duration
	for _, place := range places {
		if place >= len(words) {
			return 0, fmt.Errorf("%s has only %d numbers", file, len(words))
		}
		n, err := strconv.ParseInt(words[place], 10, 64)
		if err != nil {
			return 0, fmt.Errorf("reading %s: %w", file, err)
		}
		sum += time.Duration(n) * tick
	}
	return sum, nil
}
