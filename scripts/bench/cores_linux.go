package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

// allowedCores are those on which this process may run.
func allowedCores() ([]int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil, fmt.Errorf("asking for the processor's cores: %w", err)
	}
	var list []int
	for i := range len(set) * 64 {
		if set.IsSet(i) {
			list = append(list, i)
		}
	}
	return list, nil
}

// confine restricts this process to some cores. New threads inherit that from the
// threads that start them, so all existing ones have to be set.
func confine(cores []int) error {
	runtime.GOMAXPROCS(len(cores))
	for met := map[string]bool{}; ; {
		threads, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return err
		}
		news := false
		for _, thread := range threads {
			if met[thread.Name()] {
				continue
			}
			met[thread.Name()], news = true, true
			id, err := strconv.Atoi(thread.Name())
			if err != nil {
				return err
			}
			if err := keepTo(id, cores); err != nil {
				return err
			}
		}
		if !news {
			return nil
		}
	}
}

func keepTo(thread int, cores []int) error {
	var set unix.CPUSet
	for _, i := range cores {
		set.Set(i)
	}
	if err := unix.SchedSetaffinity(thread, &set); err != nil {
		return fmt.Errorf("keeping to cores %v: %w", cores, err)
	}
	return nil
}

// startOn starts a process on some cores, which it inherits from the thread that
// starts it. The thread ends with its goroutine.
func startOn(cores []int, cmd *exec.Cmd) error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		err := keepTo(0, cores)
		if err == nil {
			err = cmd.Start()
		}
		started <- err
	}()
	return <-started
}
