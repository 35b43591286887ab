package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// serving is a running "capf serve". Its log goes to a file, one line a session.
type serving struct {
	cmd       *exec.Cmd
	address   string
	provision string // where it gives files by HTTP; "" while that service is not active
	log       string
	ended     chan struct{}
	err       error // why it ended; set when ended is closed
}

// serve starts one on a free port of this machine, on the server's cores.
func serve(ctx context.Context, o options, d database) (*serving, error) {
	folder := filepath.Dir(string(d))
	s := &serving{log: filepath.Join(folder, "log"), ended: make(chan struct{})}
	addresses := filepath.Join(folder, "address")
	s.cmd = d.command(ctx, o, "serve", "--listen", "127.0.0.1:0", "--provision-listen", "127.0.0.1:0", "--tftp-listen", "127.0.0.1:0", "--address-file", addresses)
	log, err := os.Create(s.log)
	if err != nil {
		return nil, err
	}
	defer log.Close() // the process has its own copy
	s.cmd.Stderr = log
	if err := startOn(o.cores.Server, s.cmd); err != nil {
		return nil, fmt.Errorf("starting capf serve: %w", err)
	}
	go func() {
		s.err = s.cmd.Wait()
		close(s.ended)
	}()
	for s.address == "" {
		select {
		case <-s.ended:
			return nil, s.failure("capf serve ended at once")
		case <-time.After(5 * time.Millisecond):
		}
		text, _ := os.ReadFile(addresses) // it appears complete
		line, others, _ := bytes.Cut(text, []byte("\n"))
		s.address = string(line)
		for other := range bytes.Lines(others) {
			if a, ok := bytes.CutPrefix(bytes.TrimSpace(other), []byte("provision ")); ok {
				s.provision = string(a)
			}
		}
	}
	return s, nil
}

// stop ends it and waits until it has closed the database.
func (s *serving) stop() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stopping capf serve: %w", err)
	}
	<-s.ended
	if s.err != nil {
		return s.failure("capf serve failed")
	}
	return nil
}

// failure adds the end of the log.
func (s *serving) failure(what string) error {
	text, _ := os.ReadFile(s.log)
	const last = 2000
	return fmt.Errorf("%s: %v\n%s", what, s.err, text[max(0, len(text)-last):])
}
