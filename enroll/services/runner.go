package services

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"time"

	"capf/enroll/settings"
	"capf/internal/backoff"
	"capf/store"
)

// Config is what a Runner runs with. A zero duration means the default.
type Config struct {
	Store    *store.Reader
	Log      *slog.Logger
	Services []Service
	Grace    time.Duration // how long what is under way may go on when a listener closes; 10 s
	Poll     time.Duration // how often it looks for changes by operators; 500 ms
	// Moved is called when addresses have changed, before the report tells it. It may
	// be nil.
	Moved func()
}

// Runner brings the services into the state that operators want, and keeps them
// there.
type Runner struct {
	config   Config
	failures backoff.Backoff
	draining sync.WaitGroup
	services []*runningService

	mu      sync.Mutex // guards what other goroutines ask for
	reports []store.RunningService
	bound   []Address
}

// runningService is a service with its parts, as far as they run.
type runningService struct {
	Service
	seen  store.Service // what its parts follow
	parts []*runningPart
}

// New returns a runner whose services do not run yet.
func New(c Config) *Runner {
	c.Grace, c.Poll = cmp.Or(c.Grace, 10*time.Second), cmp.Or(c.Poll, 500*time.Millisecond)
	r := &Runner{config: c, failures: backoff.Backoff{Log: c.Log, Doing: "cannot see which services are wanted"}}
	for _, s := range c.Services {
		one := &runningService{Service: s, seen: store.Service{Name: s.Name}}
		for _, p := range s.Parts {
			one.parts = append(one.parts, newRunningPart(s.Name, p, c.Log))
		}
		r.services = append(r.services, one)
	}
	return r
}

// Begin starts what is wanted. A listener that cannot start is tried again by Run.
func (r *Runner) Begin(ctx context.Context) { r.look(ctx) }

// Run keeps the services as operators want them until ctx ends, then lets what is
// under way finish within the grace.
func (r *Runner) Run(ctx context.Context) {
	tick := time.NewTicker(r.config.Poll)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
			r.look(ctx)
		}
	}
	for _, s := range r.services {
		r.retire(s)
	}
	r.draining.Wait()
}

// Report is what serve reports of its services.
func (r *Runner) Report() []store.RunningService {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.reports
}

// Addresses are those on which the parts listen, in the order of the parts.
func (r *Runner) Addresses() []Address {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.bound
}

// look reconciles; whatever goes wrong is tried again at the next look.
func (r *Runner) look(ctx context.Context) {
	switch err := r.reconcile(ctx); {
	case err == nil:
		r.failures.Succeeded()
	case ctx.Err() == nil:
		r.failures.Failed(err)
	}
	r.tell()
}

// reconcile brings each service into the state that operators want.
func (r *Runner) reconcile(ctx context.Context) error {
	wanted, err := r.config.Store.Services(ctx)
	if err != nil {
		return err
	}
	inForce, err := settings.Read(ctx, r.config.Store)
	if err != nil {
		return err
	}
	for _, s := range r.services {
		for _, w := range wanted {
			if w.Name == s.Name {
				r.follow(ctx, s, w, inForce)
			}
		}
	}
	return nil
}

// follow brings one service into the state that operators want.
func (r *Runner) follow(ctx context.Context, s *runningService, want store.Service, inForce settings.Settings) {
	if !want.Active || want.Restarts != s.seen.Restarts {
		r.retire(s)
	}
	for _, p := range s.parts {
		if want.Active {
			r.keep(ctx, p, inForce)
		}
	}
	s.seen = want
}

// keep sees to it that a part listens with what it should have read.
func (r *Runner) keep(ctx context.Context, p *runningPart, inForce settings.Settings) {
	read, err := p.wants(ctx, inForce)
	if err != nil {
		p.failed(err)
		return
	}
	if p.listener != nil && read != p.read {
		r.config.Log.Info("what it reads has changed", "listener", p.Name)
		r.drain(p)
	}
	if p.listener == nil {
		p.start(ctx, read)
	}
}

// retire closes all sockets of a service at once, and lets what is under way finish.
func (r *Runner) retire(s *runningService) {
	for _, p := range s.parts {
		p.trouble = nil
		if p.listener != nil {
			r.drain(p)
		}
	}
}

// drain closes the socket of a part; its address is free when drain returns.
func (r *Runner) drain(p *runningPart) {
	l := p.listener
	p.listener = nil
	l.Shut()
	r.config.Log.Info("no longer listening", "listener", p.Name, "address", l.Addr().String())
	r.draining.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), r.config.Grace)
		defer cancel()
		l.Drain(ctx)
	})
}
