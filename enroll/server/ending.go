package server

import (
	"errors"
	"io"
	"time"

	"capf/enroll"
	"capf/enroll/wire"
	"capf/store"
)

// comeBack is what a phone is told when the failure is ours.
const comeBack = 30 * time.Second

// lingerTime is how long a phone that was turned away has to close.
const lingerTime = 2 * time.Second

// record writes down how the session ended. A phone that has not authenticated
// changes nothing in the database.
func (s *session) record(err error) error {
	var end *enroll.SessionError
	if s.grant == nil || s.state == awaitIssuer && s.stopped.Load() {
		return err // a phone that waited comes back to a request that is still pending
	}
	if !errors.As(err, &end) {
		end = enroll.Unable("internal error")
	}
	if end.Recorded {
		return err
	}
	ctx, cancel := background()
	defer cancel()
	if failed := s.Rules.RecordFailure(ctx, *s.grant, s.state.step(), end); failed != nil {
		return failed
	}
	return err
}

// close says the last word and closes the connection.
func (s *session) close(err error) {
	if s.tls == nil || !s.tls.ConnectionState().HandshakeComplete {
		return
	}
	if f, ok := s.lastWord(err); ok {
		// Whether the phone hears it changes nothing: all is recorded.
		_ = s.send(f, 0)
	}
	if err != nil {
		s.linger()
	}
	s.tcp.SetWriteDeadline(time.Now().Add(s.Timeouts.Write))
	s.tls.Close()
}

// linger lets a phone read the last word. Closing a socket that holds unread
// bytes resets the connection, and the phone would lose what was sent to it.
func (s *session) linger() {
	s.tcp.SetDeadline(time.Now().Add(lingerTime))
	if s.tls.CloseWrite() != nil || s.tcp.CloseWrite() != nil {
		return
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(s.tcp, 4*wire.MaxBody))
}

// lastWord is what the phone is told: the one place where an error becomes a
// reason code.
func (s *session) lastWord(err error) (wire.Frame, bool) {
	reason := wire.ReasonDeclined
	var end *enroll.SessionError
	switch {
	case err == nil && s.grant.Operation() == store.Troubleshoot:
		reason = wire.ReasonNoAction
	case err == nil:
		reason = wire.ReasonSuccess
	case errors.Is(err, enroll.ErrLost):
		return wire.Frame{}, false
	case errors.Is(err, enroll.ErrAborted):
		return wire.AbortResponse{Reason: wire.ReasonSuccess}.Frame(s.id), true
	case errors.Is(err, enroll.ErrUnknownDevice):
		reason = wire.ReasonUnknownDevice
	case errors.Is(err, enroll.ErrNothingScheduled) && s.version > 2:
		// A version-2 client reads 0 as an unknown error and 7 as "already issued".
		reason = wire.ReasonNoAction
	case errors.Is(err, enroll.ErrUnreachable) && errors.As(err, &end):
		return wire.RetryLater{Delay: end.RetryAfter}.Frame(s.id), true
	case !errors.As(err, &end):
		return wire.RetryLater{Delay: comeBack}.Frame(s.id), true
	}
	return wire.EndSession{Reason: reason}.Frame(s.id), true
}

// logEnd writes the one line about the session.
func (s *session) logEnd(err error) {
	args := []any{"device", s.device, "version", s.version, "step", s.state.step()}
	if s.grant != nil {
		args = append(args, "operation", s.grant.Operation().String())
	}
	args = append(args, "took", time.Since(s.began).Round(time.Millisecond))
	var end *enroll.SessionError
	switch {
	case err == nil:
		s.log.Info("session", append(args, "outcome", "ok")...)
	case errors.As(err, &end):
		s.log.Info("session", append(args, "outcome", end.Kind.Error(), "reason", end.Detail)...)
	default:
		s.log.Error("session", append(args, "outcome", "internal error", "reason", err.Error())...)
	}
}
