package server

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"os"
	"strings"
	"time"

	"capf/crypto"
	"capf/enroll"
	"capf/enroll/settings"
	"capf/enroll/wire"
	"capf/store"
)

// betweenFrames is the least time between two frames of a phone that waits.
const betweenFrames = 50 * time.Millisecond

// errDecided says that a wait for an issuer is over, or seems to be.
var errDecided = errors.New("the issuer has decided")

// waiting is the wait of one session for an issuer. What is waited for stands
// in the database, so that a restart or another process loses nothing.
type waiting struct {
	request int64
	device  string // in lower case
}

// enqueue keeps the request for another CA, for which the session waits then.
func (s *session) enqueue(kind crypto.KeyKind, spki []byte) error {
	pkcs10, err := s.prove(kind, spki)
	if err != nil {
		return err
	}
	if s.listener.sessions.overtaken(s) { // nobody would wait for what the CA makes
		return enroll.Superseded("the phone has begun another session")
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
	if request.Issuer == settings.IssuerOnline {
		s.online.Await(request.ID, func() { s.listener.sessions.wake(s) })
	}
	return nil
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

// receiveWaiting waits for a frame of the phone, or until there is something to
// be found out about its request. It reads one byte, which either comes or does
// not, so that being woken cuts no frame in two.
func (s *session) receiveWaiting() (wire.Frame, error) {
	first := make([]byte, 1)
	if err := s.readWaiting(first); err != nil {
		return wire.Frame{}, err
	}
	s.deadline = time.Now().Add(s.Timeouts.Answer)
	f, err := s.receive(io.MultiReader(bytes.NewReader(first), s.tls))
	if err == nil {
		// Each frame costs questions to the database: no phone has so many to send.
		time.Sleep(betweenFrames)
	}
	return f, err
}

// readWaiting reads while others may wake the session, and lets nobody wake it
// afterwards: the deadline is that of a phone which stores its LSC then.
func (s *session) readWaiting(first []byte) error {
	wait, err := s.look()
	if err != nil {
		return err
	}
	s.tcp.SetReadDeadline(s.deadlineOf(wait))
	s.listener.sessions.await(s, wait)
	defer s.listener.sessions.forget(s)
	// What has changed before it could be woken, nobody wakes it for.
	if again, err := s.look(); err != nil || changed(wait, again) {
		return cmp.Or(err, errDecided)
	}
	_, err = io.ReadFull(s.tls, first)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded): // woken, or the time is over
		return errDecided
	case err != nil:
		return s.lost("waiting for", s.state, err)
	}
	return nil
}

// look asks how the request waits; errDecided says that it does not any more.
func (s *session) look() (store.Wait, error) {
	ctx, cancel := background()
	defer cancel()
	wait, err := s.Rules.Store.Waiting(ctx, s.waiting.request)
	if errors.Is(err, store.ErrNotFound) {
		err = errDecided
	}
	return wait, err
}

func changed(a, b store.Wait) bool {
	return a.RequestID != b.RequestID || !a.CompletesBy.Equal(b.CompletesBy)
}

// deadlineOf is the wall-clock time at which the operation ends.
func (s *session) deadlineOf(wait store.Wait) time.Time {
	if wait.CompletesBy.IsZero() {
		return time.Time{} // for ever
	}
	return time.Now().Add(wait.CompletesBy.Sub(s.Rules.Now()))
}

// decided delivers what the issuer has made, says why there is nothing, or goes
// on waiting.
func (s *session) decided() error {
	ctx, cancel := background()
	defer cancel()
	lsc, err := s.Rules.Outcome(ctx, *s.grant, s.waiting.request)
	switch {
	case errors.Is(err, enroll.ErrPending):
		return nil
	case err != nil:
		return err
	}
	return s.deliver(lsc)
}
