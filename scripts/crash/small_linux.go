package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
)

// smallDisk is enough for the database of a storm.
const smallDisk = 64 << 20

// onSmallDisk runs this program again where it may mount a private file system that
// ends with it: as root, or as root of its own user namespace. The database
// disappears with the file system, so a copy is left if something is wrong.
func (o options) onSmallDisk(ctx context.Context, dir string, stdout, stderr io.Writer) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "/proc/self/exe", "-capf", o.capf, "-small", "-dir", dir, "-time", o.span.String(), "-most", o.most.String(), "-seed", fmt.Sprint(o.seed),
		"-devices", fmt.Sprint(o.devices), "-phones", fmt.Sprint(o.phones))
	cmd.Stdout, cmd.Stderr = stdout, stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	err := cmd.Start()
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EACCES) {
		fmt.Fprintf(stdout, "crash: no disk is filled: a file system of its own is not allowed here (%v)\n", err)
		return nil
	}
	if err != nil {
		return err
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("the storm on a small disk: %w", err)
	}
	return nil
}

func mountSmall(dir string) error {
	// Without this, the mount would be visible in the rest of the system.
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("leaving the mounts of others alone: %w", err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("mode=0700,size=%d", smallDisk)); err != nil {
		return fmt.Errorf("mounting a small file system: %w", err)
	}
	return nil
}
