// Package server is the listener on which phones connect: TLS, sessions, and a
// running serve that follows what operators set in the database. It speaks
// enroll/wire to the phone and asks enroll what to answer. It has no rules of its
// own and knows nothing of command lines.
package server

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"time"

	"capf/crypto"
	"capf/enroll"
	"capf/enroll/caworker"
	"capf/internal/backoff"
	"capf/store"
)

// Config is what a server runs with. A zero duration means the default.
type Config struct {
	Store    *store.Store
	Sealer   *crypto.Sealer
	Now      func() time.Time
	Rand     io.Reader
	Listen   []string // HOST:PORT each; empty for the port of the parameter on all addresses
	Log      *slog.Logger
	Grace    time.Duration // how long running sessions may go on at a stop; default 10 s
	Version  string        // of the program, for the report
	Ready    func(addresses []net.Addr)
	Timeouts Timeouts
	// Poll is the interval at which the server looks for changes by operators;
	// default 500 ms.
	Poll   time.Duration
	Online caworker.Options
	Meter  Meter // nil when sessions are not counted
	// Beside tells how the services beside this one are, for the report. It may be nil.
	Beside func() []store.RunningService
	// Lists tells how the folder of trust lists is, for the report. It may be nil.
	Lists func() *store.ListFolder
	// Beat is called after each poll, as a sign of life. It may be nil.
	Beat func()
}

// Timeouts bound the waits for a phone, except for the time to make a key,
// which is a parameter.
type Timeouts struct {
	Handshake time.Duration // from the first byte to the end of the TLS handshake; default 30 s
	Answer    time.Duration // for an answer that a phone can give at once; default 60 s
	Store     time.Duration // for writing a certificate to flash; default 5 min
	Write     time.Duration // for sending a frame; default 30 s
}

func (c Config) withDefaults() Config {
	if c.Meter == nil {
		c.Meter = noMeter{}
	}
	if c.Lists == nil {
		c.Lists = func() *store.ListFolder { return nil }
	}
	if c.Beside == nil {
		c.Beside = func() []store.RunningService { return nil }
	}
	if c.Beat == nil {
		c.Beat = func() {}
	}
	c.Grace = cmp.Or(c.Grace, 10*time.Second)
	c.Poll = cmp.Or(c.Poll, 500*time.Millisecond)
	c.Timeouts.Handshake = cmp.Or(c.Timeouts.Handshake, 30*time.Second)
	c.Timeouts.Answer = cmp.Or(c.Timeouts.Answer, time.Minute)
	c.Timeouts.Store = cmp.Or(c.Timeouts.Store, 5*time.Minute)
	c.Timeouts.Write = cmp.Or(c.Timeouts.Write, 30*time.Second)
	return c
}

// Run serves phones until ctx ends, then lets running sessions finish within the
// grace and returns nil. A first start that fails, because the CAPF certificate is
// unfit or an address is in use, returns the reason. After later failures, which
// are logged, it tries again, since an operator can fix them. When the file of the
// database is replaced, Run returns store.ErrReplaced at once.
func Run(ctx context.Context, c Config) error {
	c = c.withDefaults()
	r := &reconciler{config: c, registrar: enroll.NewRegistrar(c.Store, c.Sealer, c.Now, c.Rand),
		online: caworker.New(caworker.CA{Store: c.Store, Sealer: c.Sealer, Now: c.Now, Rand: c.Rand, Log: c.Log}, c.Online), failures: backoff.Backoff{Log: c.Log, Doing: "cannot do what is set"},
		prepared: newPreparedWatch(c.Log), stop: &stop{begun: make(chan struct{})}}
	r.online.Begin(ctx)
	if err := r.begin(ctx); err != nil {
		return err
	}
	defer runWorker(r.online)() // until the last session has ended
	defer r.end()
	tick := time.NewTicker(c.Poll)
	defer tick.Stop()
	for ctx.Err() == nil {
		c.Beat()
		select {
		case <-ctx.Done():
		case <-tick.C:
			if err := c.Store.Present(); errors.Is(err, store.ErrReplaced) {
				r.config.Grace = 0 // nothing that a phone does now could be recorded
				return err
			}
			r.look(ctx)
		}
	}
	return nil
}

// runWorker runs the worker of the online CA until the returned function is
// called.
func runWorker(w *caworker.Worker) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.Run(ctx)
	}()
	return func() { cancel(); <-done }
}

// databaseWait bounds a database query, so that one that hangs on a broken
// disk does not hold a phone's connection for ever. It is longer than package
// store waits for an import by another process.
const databaseWait = 90 * time.Second

// background returns the context of a query whose answer matters even if the
// server stops meanwhile.
func background() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), databaseWait)
}
