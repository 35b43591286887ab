package phone

import (
	"context"
	stdcrypto "crypto"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"capf/enroll/wire"
)

// session is one connection: the server asks, the phone answers.
type session struct {
	ctx           context.Context // the session ends with it
	config        *Config
	conn          *tls.Conn
	id            uint32
	begun         bool         // the id is known
	last          wire.Command // sent or received
	authenticated bool         // AUTH_RESPONSE is sent
	key           stdcrypto.Signer
	// failure is what the phone could not do, until a later attempt succeeds.
	failure error
	aborted bool
	result  Result
}

// run answers frames until one ends the session. After ABORT_REQUEST the
// operation counts as aborted, whatever happens to the connection.
func (s *session) run() error {
	for {
		f, err := s.receive()
		done := false
		if err == nil {
			done, err = s.handle(f)
		}
		if s.aborted && errors.Is(err, ErrCommunication) {
			err = fmt.Errorf("%w: %v", ErrAborted, err)
		}
		if done || err != nil {
			return err
		}
	}
}

// handle answers one frame; done says that the session has ended.
func (s *session) handle(f wire.Frame) (done bool, err error) {
	switch f.Command {
	case wire.CmdAuthRequest:
		return false, s.answerAuthRequest(f)
	case wire.CmdKeyGenerateRequest:
		return false, s.generateKey(f)
	case wire.CmdEncryptRequest:
		return false, s.provePossession(f)
	case wire.CmdStoreCertificateRequest:
		return false, s.store(f)
	case wire.CmdFetchCertificateRequest:
		return false, s.fetch(f)
	case wire.CmdDeleteCertificateRequest:
		return false, s.delete(f)
	case wire.CmdEndSession:
		return true, s.end(f)
	case wire.CmdRetryLater:
		m, err := wire.ParseRetryLater(f)
		if err != nil {
			return true, err
		}
		s.result.Delay = m.Delay
		return true, fmt.Errorf("%w: the server says to try again in %v", ErrCommunication, m.Delay)
	case wire.CmdAbortResponse:
		m, err := wire.ParseAbortResponse(f)
		if err != nil {
			return true, err
		}
		if !s.aborted {
			return true, s.unexpected(f)
		}
		return true, fmt.Errorf("%w: the server answers with reason %d (%v)", ErrAborted, byte(m.Reason), m.Reason)
	}
	return true, s.unexpected(f)
}

// unexpected returns the error for a frame that does not belong at this
// point.
func (s *session) unexpected(f wire.Frame) error {
	return fmt.Errorf("%w: the server sent %v out of turn", wire.ErrMalformed, f.Command)
}

// end returns the result for the server's END_SESSION. A failure of the
// phone's own explains more than the reason with which the server answered
// it.
func (s *session) end(f wire.Frame) error {
	m, err := wire.ParseEndSession(f)
	if err != nil {
		return err
	}
	s.result.Reason = m.Reason
	switch {
	case s.aborted:
		return fmt.Errorf("%w: the server ends the session with reason %d (%v)", ErrAborted, byte(m.Reason), m.Reason)
	case s.failure != nil:
		return s.failure
	case m.Reason == wire.ReasonNoAction, m.Reason == wire.ReasonSuccess:
		return nil
	}
	return &DeclinedError{Reason: m.Reason, After: s.last}
}

// receive reads the next frame of this session.
func (s *session) receive() (wire.Frame, error) {
	limit := s.patience()
	var deadline time.Time
	if limit > 0 {
		deadline = time.Now().Add(limit)
	}
	if err := s.conn.SetReadDeadline(deadline); err != nil {
		return wire.Frame{}, fmt.Errorf("%w: %w", ErrCommunication, err)
	}
	f, err := wire.Read(s.conn)
	switch {
	case err == nil:
	case errors.Is(err, wire.ErrMalformed):
		return wire.Frame{}, fmt.Errorf("after %s: %w", s.position(), err)
	case err == io.EOF:
		return wire.Frame{}, fmt.Errorf("%w: the server closed the connection after %s", ErrCommunication, s.position())
	case errors.Is(err, os.ErrDeadlineExceeded):
		return wire.Frame{}, fmt.Errorf("%w: nothing from the server in %v after %s", ErrCommunication, limit, s.position())
	default:
		return wire.Frame{}, fmt.Errorf("%w: after %s: %w", ErrCommunication, s.position(), err)
	}
	if err := s.observe(false, f); err != nil {
		return wire.Frame{}, err
	}
	if s.begun && f.Session != s.id {
		return wire.Frame{}, fmt.Errorf("%w: %v of session %08x in session %08x", wire.ErrMalformed, f.Command, f.Session, s.id)
	}
	s.id, s.begun = f.Session, true
	if f.Command == s.config.StopAfter {
		return wire.Frame{}, fmt.Errorf("%w after receiving %v", ErrStopped, f.Command)
	}
	if f.Command != wire.CmdEndSession {
		s.last = f.Command
	}
	return f, nil
}

// observe shows a frame to Config.Observe. When the context ends, which Observe
// may have caused, the phone neither acts on the frame nor sends it.
func (s *session) observe(sent bool, f wire.Frame) error {
	if s.config.Observe != nil {
		s.config.Observe(sent, f)
	}
	if s.ctx.Err() != nil {
		return fmt.Errorf("%w: stopped at %v", ErrCommunication, f.Command)
	}
	return nil
}

// patience is how long the server may take for its next frame; 0 means for
// ever. Once it has a key, it may have to wait for a CA or an operator.
func (s *session) patience() time.Duration {
	if s.last == wire.CmdKeyGenerateResponse || s.last == wire.CmdEncryptResponse {
		return s.config.WaitForIssue
	}
	return s.config.Timeout
}

// position says, for an error, how far the session had come.
func (s *session) position() string {
	if s.last == 0 {
		return "the TLS handshake"
	}
	return s.last.String()
}

// message is any answer of the phone.
type message interface {
	Frame(session uint32) wire.Frame
}

// send writes m as one frame in one write.
func (s *session) send(m message) error {
	f := m.Frame(s.id)
	b, err := f.Marshal()
	if err != nil {
		return err
	}
	if err := s.observe(true, f); err != nil {
		return err
	}
	if err := s.conn.SetWriteDeadline(time.Now().Add(s.config.Timeout)); err != nil {
		return fmt.Errorf("%w: %w", ErrCommunication, err)
	}
	if _, err := s.conn.Write(b); err != nil {
		return fmt.Errorf("%w: sending %v: %w", ErrCommunication, f.Command, err)
	}
	s.last = f.Command
	if f.Command == s.config.StopAfter {
		return fmt.Errorf("%w after sending %v", ErrStopped, f.Command)
	}
	return nil
}

// Redact returns the frame with the authentication string replaced by stars,
// whatever its length; a null string stays. The given frame is not changed.
func Redact(f wire.Frame) wire.Frame {
	elements := make([]wire.Element, len(f.Elements))
	for i, e := range f.Elements {
		if e.Tag == wire.TagPassword && len(e.Value) > 1 {
			e.Value = []byte("***\x00")
		}
		elements[i] = e
	}
	f.Elements = elements
	return f
}
