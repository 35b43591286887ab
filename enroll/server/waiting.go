package server

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"time"

	"capf/crypto"
	"capf/enroll"
	"capf/enroll/wire"
)

// lookEvery is the time between two looks at whether issuers have decided. A
// look costs microseconds as long as nothing has changed in the database.
const lookEvery = 200 * time.Millisecond

// errDecided says that the wait for an issuer is over.
var errDecided = errors.New("the issuer has decided")

// waiting is the wait of one session for an issuer. What is waited for stands
// in the database, so that a restart or another process loses nothing.
type waiting struct {
	request int64
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
	s.state, s.waiting.request = awaitIssuer, request.ID
	s.listener.sessions.await(s)
	s.log.Info("waiting", "device", s.device, "request", request.ID, "possession", request.Possessed)
	return nil
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
		return wire.Frame{}, enroll.LateWaiting()
	case err != nil:
		return wire.Frame{}, s.lost("waiting for", s.state, err)
	}
	s.deadline = time.Now().Add(s.Timeouts.Answer)
	return s.receive(io.MultiReader(bytes.NewReader(first), s.tls))
}

// deadlineOfOperation is the wall-clock time at which the operation ends.
func (s *session) deadlineOfOperation() time.Time {
	by := s.grant.Device.CompletesBy
	if by.IsZero() {
		return time.Time{} // for ever
	}
	return time.Now().Add(by.Sub(s.Rules.Now()))
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
		s.listener.sessions.await(s)
		return nil
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

// watch wakes the sessions whose requests are no longer pending, until ctx ends.
func (l *listener) watch(ctx context.Context) {
	var seen int64
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if !l.sessions.anyWaits() {
			continue
		}
		revision, err := l.Rules.Store.Revision(ctx)
		if err == nil && revision != seen {
			if err = l.sessions.wakeDecided(ctx, l.Rules); err == nil {
				seen = revision
			}
		}
		if err != nil && ctx.Err() == nil {
			l.Log.Error("looking for decisions of the issuer", "reason", err)
		}
	}
}

func (s *sessions) anyWaits() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.waits) > 0
}

// wakeDecided asks which requests are pending before it takes the lock, so a
// session that begins to wait meanwhile may be woken for nothing, but none is
// left asleep.
func (s *sessions) wakeDecided(ctx context.Context, r *enroll.Rules) error {
	pending, err := r.Store.PendingRequests(ctx)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, one := range s.waits {
		if !pending[id] {
			delete(s.waits, id)
			one.wake()
		}
	}
	return nil
}
