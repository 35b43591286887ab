// Package server is the listener on which phones connect: TLS, sessions, and
// the obedience of a running serve to what operators set in the database. It
// speaks enroll/wire to the phone and asks enroll what to answer; it makes no
// rule of its own.
package server

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"slices"
	"time"

	"capf/enroll"
	"capf/enroll/caworker"
	"capf/enroll/settings"
	"capf/internal/backoff"
	"capf/store"
)

// Config is what a server runs with. Zero durations take their defaults.
type Config struct {
	Rules    *enroll.Rules
	Listen   []string // HOST:PORT each; empty for the port of the parameter on all addresses
	Log      *slog.Logger
	Grace    time.Duration // how long running sessions may go on at a stop; 10 s
	Version  string        // of the program, for its report
	Ready    func(addresses []net.Addr)
	Timeouts Timeouts
	// Poll is the time between two looks at what operators have changed; 500 ms.
	Poll   time.Duration
	Online caworker.Options
	Meter  Meter // nil when nobody counts
	// Beat is called after each look at what operators have changed: as long as
	// it is, the server lives. It may be nil.
	Beat func()

	online *caworker.Worker // one for all listeners, made by Run
}

// Timeouts bound the waiting for a phone. The time to make a key is a
// parameter, not one of these.
type Timeouts struct {
	Handshake time.Duration // from the first byte to the end of the TLS handshake; 30 s
	Answer    time.Duration // for an answer that a phone can give at once; 60 s
	Store     time.Duration // for writing a certificate to flash; 5 min
	Write     time.Duration // for sending a frame; 30 s
}

func (c Config) withDefaults() Config {
	if c.Meter == nil {
		c.Meter = noMeter{}
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

// reportEvery is the time between two reports of an unchanged server;
// enroll.Alive judges them.
const reportEvery = 5 * time.Second

// reportWait is how long a report may hold up the looks at what operators have
// changed, and so the beat, while another process keeps the database: an import
// does so for seconds, somebody's shell for as long as he likes.
const reportWait = time.Second

// supervisor keeps the listener as operators want it.
type supervisor struct {
	Config
	listener *listener // nil while the service is deactivated or cannot start
	old      []*listener
	bound    []string     // addresses chosen at the first start, for the next ones
	report   store.Server // the last one, with the restarts carried out since
	reported int64        // the restarts in the last report
	failures backoff.Backoff
	unsaid   bool // it listens, and Ready has not been called yet
}

// Run serves phones until ctx ends, then lets running sessions finish within
// the grace and returns nil. A first start that fails, for a CAPF certificate
// that is unfit or an address that is in use, returns the reason; later
// failures are logged and tried again, since an operator can mend them. When the
// file of the database is replaced, Run returns store.ErrReplaced at once.
func Run(ctx context.Context, c Config) error {
	s := &supervisor{Config: c.withDefaults(), failures: backoff.Backoff{Log: c.Log, Doing: "cannot do what is set"}}
	s.online = caworker.New(caworker.Of(s.Rules), s.Online)
	s.online.Begin(ctx)
	if err := s.begin(ctx); err != nil {
		return err
	}
	defer s.askOnline()() // until the last session has ended
	defer s.end()
	tick := time.NewTicker(s.Poll)
	defer tick.Stop()
	for ctx.Err() == nil {
		s.Beat()
		select {
		case <-ctx.Done():
		case <-tick.C:
			if err := s.Rules.Store.Present(); errors.Is(err, store.ErrReplaced) {
				s.Grace = 0 // nothing that a phone does now can be kept
				return err
			}
			// It looks on however often that fails: the beat goes on with it.
			switch err := s.look(ctx); {
			case err == nil:
				s.failures.Succeeded()
			case ctx.Err() == nil:
				s.failures.Failed(err)
			}
		}
	}
	return nil
}

// askOnline lets the online CA be asked until the function that it returns is
// called.
func (s *supervisor) askOnline() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.online.Run(ctx)
	}()
	return func() { cancel(); <-done }
}

func (s *supervisor) begin(ctx context.Context) error {
	service, err := s.service(ctx)
	if err != nil {
		return err
	}
	s.report = newReport(s.Version, s.Rules.Now(), service.Restarts)
	err = s.obey(ctx, ctx) // nobody waits for a beat before the first report
	switch {
	case err == nil || ctx.Err() != nil:
		return nil
	case s.listener == nil:
		s.end()
		return err
	}
	s.failures.Failed(err) // it listens: on a full disk, only its report cannot be written
	return nil
}

// service is what operators want of the listener.
func (s *supervisor) service(ctx context.Context) (store.Service, error) {
	services, err := s.Rules.Store.Services(ctx)
	if err != nil {
		return store.Service{}, err
	}
	if i := slices.IndexFunc(services, func(v store.Service) bool { return v.Name == "capf" }); i >= 0 {
		return services[i], nil
	}
	return store.Service{}, errors.New("the database has no service capf")
}

// look obeys, and does not wait long to report it.
func (s *supervisor) look(ctx context.Context) error {
	reporting, cancel := context.WithTimeout(ctx, reportWait)
	defer cancel()
	return s.obey(ctx, reporting)
}

// obey brings the listener into the state that operators want, and reports it
// while the second context lets it.
func (s *supervisor) obey(ctx, reporting context.Context) error {
	want, err := s.service(ctx)
	if err != nil {
		return err
	}
	settings, err := s.Rules.Settings(ctx)
	if err != nil {
		return err
	}
	if s.listener != nil && (!want.Active || want.Restarts != s.report.Restarts) {
		s.retire(want.Active)
	}
	s.report.Restarts = want.Restarts
	var failed error
	if s.listener == nil && want.Active {
		failed = s.start(ctx, settings)
	}
	if s.listener != nil {
		s.listener.sessions.keepAlive(settings.KeepAlive)
	}
	s.forget()
	err = errors.Join(failed, s.tell(reporting))
	// Who waits for the listener may ask another process about it at once, so
	// the report comes first.
	if s.unsaid && err == nil && s.Ready != nil {
		s.Ready(s.listener.addresses())
		s.unsaid = false
	}
	return err
}

func (s *supervisor) start(ctx context.Context, settings settings.Settings) error {
	l, err := listen(ctx, s.Config, s.addresses(settings), settings)
	if err != nil {
		return err
	}
	s.listener, s.unsaid = l, true
	if len(s.Listen) > 0 {
		s.bound = l.addressTexts()
	}
	s.Log.Info("listening", "addresses", l.addressTexts(), "certificate", l.authority.Leaf().Subject.CommonName, "tls_min", tls.VersionName(settings.TLSMinVersion))
	return nil
}

// addresses are those given by the operator, with a port of 0 made the one
// that the first start was given; else the port of the parameter.
func (s *supervisor) addresses(settings settings.Settings) []string {
	switch {
	case len(s.bound) > 0:
		return s.bound
	case len(s.Listen) > 0:
		return s.Listen
	}
	return []string{portAddress(settings.Port)}
}

// retire closes the listening sockets at once and lets the sessions drain.
func (s *supervisor) retire(again bool) {
	s.Log.Info("draining", "sessions", s.listener.sessions.count(), "restart", again)
	s.listener.shut()
	go s.listener.drain(s.Grace)
	s.old = append(s.old, s.listener)
	s.listener, s.unsaid = nil, false
}

// forget drops listeners whose last session has ended.
func (s *supervisor) forget() {
	s.old = slices.DeleteFunc(s.old, func(l *listener) bool {
		select {
		case <-l.drained:
			return true
		default:
			return false
		}
	})
}

// end stops everything and takes the report back.
func (s *supervisor) end() {
	if s.listener != nil {
		s.retire(false)
	}
	for _, l := range s.old {
		<-l.drained
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := s.Rules.Store.RemoveServer(ctx, s.report.PID, s.report.Host); err != nil && !errors.Is(err, store.ErrReplaced) {
		s.Log.Warn("taking the report of this server back", "reason", err)
	}
	s.Log.Info("stopped")
}
