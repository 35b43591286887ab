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

// betweenFrames is the minimum time between two frames of a waiting phone.
const betweenFrames = 50 * time.Millisecond

// errDecided says that the wait for an issuer is over, or may be.
var errDecided = errors.New("the issuer has decided")

// issuerWait is the wait of one session for an issuer. The state of the request
// is in the database, so that a restart loses nothing and another process may
// decide.
type issuerWait struct {
	session *session
	request int64
	device  string // in lower case
}

// enqueue stores the request for another CA, and makes the session wait for
// it.
func (s *session) enqueue(kind crypto.KeyKind, spki []byte) error {
	pkcs10, err := s.prove(kind, spki)
	if err != nil {
		return err
	}
	if s.env.sessions.overtaken(s.conn) { // no phone would wait for the CA's certificate
		return enroll.Superseded("the phone has begun another session")
	}
	ctx, cancel := background()
	defer cancel()
	request, err := s.env.registrar.Enqueue(ctx, *s.grant, kind, spki, pkcs10)
	if err != nil {
		return err
	}
	s.log.Info("waiting", "device", s.device, "request", request.ID, "possession", request.Possessed)
	wait := &issuerWait{session: s, request: request.ID, device: strings.ToLower(request.Device)}
	s.state, s.wait = awaitIssuer, wait
	if request.Issuer == settings.IssuerOnline {
		s.env.online.Await(request.ID, func() { s.env.waits.wake(wait) })
	}
	return nil
}

// decided delivers the LSC, ends the session when there is none, or goes on
// waiting.
func (w *issuerWait) decided() error {
	s := w.session
	ctx, cancel := background()
	defer cancel()
	lsc, err := s.env.registrar.Outcome(ctx, *s.grant, w.request)
	switch {
	case errors.Is(err, enroll.ErrPending):
		return nil
	case err != nil:
		return err
	}
	return s.deliver(lsc)
}

// leave tells the online issuer that the phone no longer waits.
func (w *issuerWait) leave() {
	s := w.session
	ctx, cancel := background()
	defer cancel()
	if err := s.env.online.Leave(ctx, w.request); err != nil {
		s.log.Error("withdrawing a request", "request", w.request, "reason", err)
	}
}

// receive waits for a frame of the phone, or until its request may have been
// decided. It waits for a single byte, so that waking the session never cuts a
// frame in two.
func (w *issuerWait) receive() (wire.Frame, error) {
	s := w.session
	first := make([]byte, 1)
	if err := w.read(first); err != nil {
		return wire.Frame{}, err
	}
	s.deadline = time.Now().Add(s.env.timeouts.Answer)
	f, err := s.receive(io.MultiReader(bytes.NewReader(first), s.conn.tls))
	if err == nil {
		// Each frame costs database queries, and a real phone does not send so
		// many.
		time.Sleep(betweenFrames)
	}
	return f, err
}

// read reads while the session may be woken. Nothing wakes it afterwards, when the
// deadline is for storing the LSC.
func (w *issuerWait) read(first []byte) error {
	wait, err := w.look()
	if err != nil {
		return err
	}
	conn := w.session.conn
	conn.tcp.SetReadDeadline(w.deadlineOf(wait))
	waits := w.session.env.waits
	waits.add(w, wait)
	defer waits.remove(w)
	// A change before the session could be woken did not wake it.
	if again, err := w.look(); err != nil || waitChanged(wait, again) {
		return cmp.Or(err, errDecided)
	}
	_, err = io.ReadFull(conn.tls, first)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded): // woken, or the time is up
		return errDecided
	case err != nil:
		return w.session.lost("waiting for", w.session.state, err)
	}
	return nil
}

// look asks for the state of the wait; errDecided says that it is over.
func (w *issuerWait) look() (store.Wait, error) {
	ctx, cancel := background()
	defer cancel()
	wait, err := w.session.env.store.Waiting(ctx, w.request)
	if errors.Is(err, store.ErrNotFound) {
		err = errDecided
	}
	return wait, err
}

// deadlineOf is the wall-clock time at which the operation ends.
func (w *issuerWait) deadlineOf(wait store.Wait) time.Time {
	if wait.CompletesBy.IsZero() {
		return time.Time{} // for ever
	}
	return time.Now().Add(wait.CompletesBy.Sub(w.session.env.now()))
}

func waitChanged(a, b store.Wait) bool {
	return a.RequestID != b.RequestID || !a.CompletesBy.Equal(b.CompletesBy)
}
