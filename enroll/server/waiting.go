package server

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"capf/crypto"
	"capf/enroll"
	"capf/enroll/wire"
)

// lookEvery is the time between two looks at whether issuers have decided. A
// look costs microseconds as long as nothing has happened.
const lookEvery = 200 * time.Millisecond

// betweenFrames is the least time between two frames of a phone that waits.
const betweenFrames = 50 * time.Millisecond

// manyEvents is how many events are looked at one by one. After more, it costs
// less to ask which requests wait.
const manyEvents = 1000

// errDecided says that the wait for an issuer is over.
var errDecided = errors.New("the issuer has decided")

// waiting is the wait of one session for an issuer. What is waited for stands
// in the database, so that a restart or another process loses nothing.
type waiting struct {
	request int64
	device  string // in lower case
	mu      sync.Mutex
	woken   bool // guarded by mu, as are the read deadlines while waiting
}

// enqueue keeps the request for another CA and begins to wait.
func (s *session) enqueue(kind crypto.KeyKind, spki []byte) error {
	pkcs10, err := s.prove(kind, spki)
	if err != nil {
		return err
	}
	ctx, cancel := background()
	defer cancel()
	request, err := s.Rules.Enqueue(ctx, *s.grant, kind, spki, pkcs10)
	if err != nil {
		return err
	}
	s.log.Info("waiting", "device", s.device, "request", request.ID, "possession", request.Possessed)
	s.state, s.waiting.request = awaitIssuer, request.ID
	s.waiting.device = strings.ToLower(request.Device)
	if request.Issuer == enroll.IssuerOnline {
		s.online.Await(request.ID, func() { s.listener.sessions.wake(s) })
	}
	return s.await()
}

// leave tells the online issuer that the phone does not wait any more.
func (s *session) leave() {
	if s.waiting.request == 0 {
		return
	}
	ctx, cancel := background()
	defer cancel()
	if err := s.online.Leave(ctx, s.waiting.request); err != nil {
		s.log.Error("withdrawing a request", "request", s.waiting.request, "reason", err)
	}
}

// await lets the session be woken when the issuer decides. It looks once more
// after that, since the decision may have come before.
func (s *session) await() error {
	s.listener.sessions.await(s)
	ctx, cancel := background()
	defer cancel()
	waits, err := s.Rules.Store.Waiting(ctx, s.waiting.request)
	if err == nil && !waits {
		s.wake()
	}
	return err
}

// receiveWaiting waits for a frame of the phone or for the issuer. It reads
// one byte, which either comes or does not, so that being woken cuts no frame
// in two.
func (s *session) receiveWaiting() (wire.Frame, error) {
	first := make([]byte, 1)
	if !s.holdRead(s.deadlineOfOperation()) {
		return wire.Frame{}, errDecided
	}
	_, err := io.ReadFull(s.tls, first)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		if s.isWoken() {
			return wire.Frame{}, errDecided
		}
		return wire.Frame{}, s.late()
	case err != nil:
		return wire.Frame{}, s.lost("waiting for", s.state, err)
	}
	// From here on the frame has its own deadline, which must not be moved.
	s.listener.sessions.forget(s)
	s.deadline = time.Now().Add(s.Timeouts.Answer)
	f, err := s.receive(io.MultiReader(bytes.NewReader(first), s.tls))
	if err == nil {
		// Each frame costs a question to the database: no phone has so many to send.
		time.Sleep(betweenFrames)
		err = s.await()
	}
	return f, err
}

// deadlineOfOperation is the wall-clock time at which the operation ends.
func (s *session) deadlineOfOperation() time.Time {
	by := s.grant.Device.CompletesBy
	if by.IsZero() {
		return time.Time{} // for ever
	}
	return time.Now().Add(by.Sub(s.Rules.Now()))
}

// late ends the wait, unless an operator has given the operation more time: then
// it is as if the session had been woken for nothing.
func (s *session) late() error {
	ctx, cancel := background()
	defer cancel()
	extended, err := s.Rules.Extended(ctx, s.grant)
	switch {
	case err != nil:
		return err
	case extended:
		return errDecided
	}
	return enroll.LateWaiting()
}

// holdRead sets the read deadline, unless the session has been woken already.
func (s *session) holdRead(deadline time.Time) bool {
	s.waiting.mu.Lock()
	defer s.waiting.mu.Unlock()
	if s.waiting.woken {
		return false
	}
	s.tcp.SetReadDeadline(deadline)
	return true
}

func (s *session) isWoken() bool {
	s.waiting.mu.Lock()
	defer s.waiting.mu.Unlock()
	return s.waiting.woken
}

// wake ends the wait, from another goroutine.
func (s *session) wake() {
	s.waiting.mu.Lock()
	defer s.waiting.mu.Unlock()
	s.waiting.woken = true
	s.tcp.SetReadDeadline(time.Unix(1, 0))
}

// decided delivers what the issuer has made, or says why there is nothing.
func (s *session) decided() error {
	ctx, cancel := background()
	defer cancel()
	lsc, err := s.Rules.Outcome(ctx, s.waiting.request)
	if errors.Is(err, enroll.ErrPending) { // woken for nothing
		s.waiting.mu.Lock()
		s.waiting.woken = false
		s.waiting.mu.Unlock()
		return s.await()
	}
	if err != nil {
		return err
	}
	return s.deliver(lsc)
}

// await adds a session to those that wait for an issuer.
func (s *sessions) await(one *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waits[one.waiting.request] = one
}

// forget takes a session out again; it is not woken afterwards.
func (s *sessions) forget(one *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waits[one.waiting.request] == one {
		delete(s.waits, one.waiting.request)
	}
}

// watch wakes the sessions whose requests are decided, until ctx ends.
func (l *listener) watch(ctx context.Context) {
	w := watcher{listener: l, seen: -1}
	trouble := enroll.Trouble{Log: l.Log, Doing: "looking for decisions of the issuer", First: lookEvery}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if trouble.Resting() > 0 {
			continue
		}
		switch err := w.look(ctx); {
		case err == nil:
			trouble.Over()
		case ctx.Err() == nil:
			trouble.Failed(err)
		}
	}
}

// watcher follows the record of events: whatever decides about a request,
// in this process or another one, is told there.
type watcher struct {
	*listener
	seen int64 // the last event that was looked at, -1 while no session waits
}

func (w *watcher) look(ctx context.Context) error {
	if !w.sessions.anyWaits() {
		w.seen = -1
		return nil
	}
	last, err := w.Rules.Store.LastEvent(ctx)
	if err != nil || last == w.seen {
		return err
	}
	devices, all, err := w.changed(ctx, last)
	if err != nil {
		return err
	}
	if all {
		err = w.wakeAll(ctx)
	} else {
		err = w.wakeOf(ctx, devices)
	}
	if err == nil {
		w.seen = last
	}
	return err
}

// changed are the devices, in lower case, that events up to the last one tell
// of; all says that they cannot be told.
func (w *watcher) changed(ctx context.Context, last int64) (devices map[string]bool, all bool, err error) {
	if w.seen < 0 || last-w.seen > manyEvents {
		return nil, true, nil
	}
	devices = map[string]bool{}
	for e, err := range w.Rules.Store.EventsAfter(ctx, w.seen) {
		if err != nil {
			return nil, false, err
		}
		if e.Device == "" { // such as the deletion of all requests
			return nil, true, nil
		}
		devices[strings.ToLower(e.Device)] = true
	}
	return devices, false, nil
}

// wakeOf wakes the sessions of the devices that need not wait any longer.
func (w *watcher) wakeOf(ctx context.Context, devices map[string]bool) error {
	for _, one := range w.sessions.waiting(devices) {
		waits, err := w.Rules.Store.Waiting(ctx, one.waiting.request)
		if err != nil {
			return err
		}
		if !waits {
			w.sessions.wake(one)
		}
	}
	return nil
}

// wakeAll asks which requests wait before it asks which sessions do, so that
// one which begins to wait meanwhile may be woken for nothing, but none is left
// asleep.
func (w *watcher) wakeAll(ctx context.Context) error {
	waits, err := w.Rules.Store.WaitingRequests(ctx)
	if err != nil {
		return err
	}
	for _, one := range w.sessions.waiting(nil) {
		if !waits[one.waiting.request] {
			w.sessions.wake(one)
		}
	}
	return nil
}

func (s *sessions) anyWaits() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.waits) > 0
}

// waiting are the sessions that wait, of the devices or, without any, of all.
func (s *sessions) waiting(devices map[string]bool) []*session {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []*session
	for _, one := range s.waits {
		if devices == nil || devices[one.waiting.device] {
			list = append(list, one)
		}
	}
	return list
}

// wake wakes a session, unless it does not wait any more.
func (s *sessions) wake(one *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waits[one.waiting.request] == one {
		delete(s.waits, one.waiting.request)
		one.wake()
	}
}
