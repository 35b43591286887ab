package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"capf/scripts/driver"
)

// serving is "capf serve", alive or not, always on the same port.
type serving struct {
	*storm
	cmd   *exec.Cmd
	ended chan struct{} // closed when it has
}

// freeAddress has a port below those that the system gives to outgoing connections,
// which might be in use at a restart.
func freeAddress(r *rand.Rand) (string, error) {
	for range 100 {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(15000+r.IntN(15000)))
		if l, err := net.Listen("tcp", address); err == nil {
			return address, l.Close()
		}
	}
	return "", errors.New("there is no free port")
}

// start starts it and waits until it listens. It returns false if it exits before
// that, as it may while the disk is full, or if ctx ends.
func (s *serving) start(ctx context.Context) (bool, error) {
	log, err := os.OpenFile(s.logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return false, err
	}
	defer log.Close()
	s.cmd = s.command(context.WithoutCancel(ctx), "serve", "--listen", s.address, "--grace", "1s",
		"--provision-listen", s.provision, "--tftp-listen", "127.0.0.1:0", "--tvs-listen", s.tvs)
	s.cmd.Stdout, s.cmd.Stderr = log, log
	if err := s.cmd.Start(); err != nil {
		return false, fmt.Errorf("starting capf serve: %w", err)
	}
	cmd, ended := s.cmd, make(chan struct{})
	s.ended = ended
	go func() {
		_ = cmd.Wait() // the log says why
		close(ended)
	}()
	for ctx.Err() == nil {
		select {
		case <-ended:
			return false, nil
		case <-time.After(5 * time.Millisecond):
		}
		if c, err := net.Dial("tcp", s.address); err == nil {
			return true, c.Close()
		}
	}
	return false, nil
}

// keep starts it again whenever it has been killed, until ctx ends.
func (s *serving) keep(ctx context.Context, r *rand.Rand) error {
	defer s.kill()
	for ctx.Err() == nil {
		up, err := s.start(ctx)
		if err != nil {
			return err
		}
		if !up {
			s.count("start of serve failed")
			s.kill()
			pause(ctx, 50*time.Millisecond)
			continue
		}
		s.count("serve started")
		select {
		case <-ctx.Done():
		case <-s.ended:
			s.count("serve ended by itself")
		case <-time.After(between(r, 50*time.Millisecond, 2*time.Second)):
			s.kill()
			s.count("serve killed")
		}
	}
	return nil
}

func (s *serving) kill() {
	if s.ended == nil {
		return // it has never been started
	}
	// An error means that it has ended already.
	_ = s.cmd.Process.Kill()
	<-s.ended
}

// stop ends it as an operator does.
func (s *serving) stop() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-s.ended:
		return nil
	case <-time.After(time.Minute):
		s.kill()
		return errors.New("capf serve does not end")
	}
}

func (s *storm) database() string { return filepath.Join(s.dir, "capf.db") }

// command is capf on the database of the storm.
func (s *storm) command(ctx context.Context, args ...string) *exec.Cmd {
	return driver.Command(ctx, s.capf, s.database(), args...)
}
