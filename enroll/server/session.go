package server

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"time"

	"capf/enroll"
	"capf/enroll/settings"
	"capf/enroll/wire"
	"capf/store"
)

// session is the conversation with one phone, over one connection.
type session struct {
	env      *environment
	conn     *connection
	log      *slog.Logger
	settings *settings.Settings // in force when the session began
	meter    sessionMeter

	id       uint32
	version  byte // 3 until the phone has answered
	state    state
	deadline time.Time     // of the next frame
	device   string        // the name that the phone gave
	grant    *enroll.Grant // nil until the phone has authenticated

	keyTries int // how often the phone was asked for a key of this kind
	keyKind  int // index in grant.Keys of the kind asked for
	keyAt    time.Time
	wait     *issuerWait // for another CA; nil until it begins
	lsc      store.LSC
	fetched  fetchedCertificates
}

func newSession(env *environment, conn *connection, inForce *settings.Settings, log *slog.Logger) *session {
	return &session{env: env, conn: conn, log: log, settings: inForce, meter: sessionMeter{meter: env.meter},
		version: 3, state: awaitAuthentication}
}

// run talks to the phone until the session ends, however it ends, and writes
// one line about it to the log. A panic ends only this session, even a panic
// while its end is recorded.
func (s *session) run() {
	defer func() {
		if p := recover(); p != nil {
			logPanic(s.log, p)
		}
	}()
	err := s.speak()
	if s.wait != nil {
		s.wait.leave()
	}
	s.end(err)
}

func (s *session) speak() (err error) {
	defer func() {
		if p := recover(); p != nil {
			logPanic(s.log, p)
			err = errors.New("internal error")
		}
	}()
	s.meter.moveTo(handshaking)
	if err := s.conn.shakeHands(s.env.tls); err != nil {
		return handshakeFailed(s.conn, s.env.tls.MinVersion, err, s.lost("making the", "TLS connection", err))
	}
	if err := s.begin(); err != nil {
		return err
	}
	for s.state != over {
		f, err := s.next()
		if errors.Is(err, errDecided) {
			if s.conn.ended.Load() {
				return enroll.Ended()
			}
			if err := s.wait.decided(); err != nil {
				return err
			}
			continue
		}
		if s.state == awaitMIC && errors.Is(err, enroll.ErrLost) && len(s.fetched) > 0 {
			return s.confirmFetched() // the phone sent its LSC and does not know the request for a MIC
		}
		if err != nil {
			return err
		}
		if err := s.take(f); err != nil {
			return err
		}
	}
	return nil
}

func logPanic(log *slog.Logger, p any) {
	log.Error("panic in a session", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
}

// begin asks the phone to authenticate. The session's id is fresh and
// unpredictable, since a phone's SUDI signature covers it.
func (s *session) begin() error {
	var b [4]byte
	if _, err := io.ReadFull(rand.Reader, b[:]); err != nil {
		return fmt.Errorf("choosing a session id: %w", err)
	}
	s.id = binary.BigEndian.Uint32(b[:])
	if s.settings.FIPS {
		s.version = 2
	}
	// Captured servers add AUTH_TYPE 0 for hardware phones, whatever their mode
	// is, and the phones accept it.
	return s.send(wire.AuthRequest{Version: s.version, HasAuthType: s.version > 2}.Frame(s.id), s.env.timeouts.Answer)
}

// send sends a frame, and sets the deadline for the answer.
func (s *session) send(f wire.Frame, wait time.Duration) error {
	b, err := f.Marshal()
	if err != nil {
		return err
	}
	if err := s.conn.write(b); err != nil {
		return s.lost("sending", f.Command, err)
	}
	s.log.Debug("sent", "command", f.Command.String())
	s.deadline = time.Now().Add(wait)
	return nil
}

// next reads the next frame, or returns errDecided when the issuer has
// decided meanwhile.
func (s *session) next() (wire.Frame, error) {
	s.meter.moveTo(s.state.step())
	s.conn.show(s.state.vendors(), s.device)
	if s.state == awaitIssuer {
		return s.wait.receive()
	}
	return s.receive(s.conn.tls)
}

// receive reads the next frame of this session.
func (s *session) receive(from io.Reader) (wire.Frame, error) {
	f, err := s.conn.read(from, s.deadline)
	switch {
	case err != nil && s.conn.ended.Load():
		return f, enroll.Ended()
	case errors.Is(err, os.ErrDeadlineExceeded) && s.state == awaitKey:
		return f, enroll.NoKey("the phone made no key within %v", s.settings.KeygenTimeout)
	case errors.Is(err, wire.ErrMalformed):
		return f, enroll.Malformed("%v", err)
	case err != nil:
		return f, s.lost("waiting for", s.state, err)
	case f.Session != s.id:
		return f, enroll.Malformed("the frame names a foreign session")
	}
	s.log.Debug("received", "command", f.Command.String())
	if unknown := f.Unknown(); unknown != nil {
		s.log.Debug("skipped", "command", f.Command.String(), "unknown_elements", fmt.Sprint(unknown)) // slog would print a []wire.Tag as text
	}
	return f, nil
}

// lost returns the reason why the session has lost its connection.
func (s *session) lost(doing string, what any, err error) error {
	switch {
	case s.conn.ended.Load():
		return enroll.Ended()
	case s.conn.wasCut(cutByStop):
		return enroll.Lost("the service stopped while %s %v", doing, what)
	case s.conn.wasCut(cutForRoom) && s.grant != nil:
		return enroll.Superseded("made room, since the phone has begun another session")
	case s.conn.wasCut(cutForRoom):
		return enroll.Lost("made room for another phone while %s %v", doing, what)
	}
	return enroll.Lost("%s %v: %v", doing, what, connectionFault(err))
}

// connectionFault describes what happened to a connection, without
// addresses and layers.
func connectionFault(err error) string {
	var op *net.OpError
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return "the phone closed the connection"
	case errors.As(err, &op):
		return op.Err.Error()
	}
	return err.Error()
}
