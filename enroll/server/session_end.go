package server

import (
	"errors"
	"time"

	"capf/enroll"
)

// end records, counts and logs how the session ended, and tells the phone.
func (s *session) end(err error) {
	if err != nil {
		err = s.record(err)
	}
	s.meter.moveTo("")
	took := time.Since(s.conn.began)
	countEnd(s.env.meter, s.grant, s.lsc, took, err) // before the phone hears of it
	s.sendLastFrame(err)
	s.logEnd(err)
}

// record records why the session failed, unless that is recorded already. A
// phone that has not authenticated changes nothing in the database.
func (s *session) record(err error) error {
	var failure *enroll.SessionError
	if s.grant == nil || s.state == awaitIssuer && s.conn.wasCut(cutByStop) {
		return err // the request of a waiting phone stays pending, and the phone will come back to it
	}
	if !errors.As(err, &failure) {
		failure = enroll.Unable("internal error")
	}
	if failure.Recorded {
		return err
	}
	ctx, cancel := background()
	defer cancel()
	if failed := s.env.registrar.RecordFailure(ctx, *s.grant, s.state.step(), failure); failed != nil {
		return failed
	}
	return err
}

// sendLastFrame sends the last frame and closes the connection.
func (s *session) sendLastFrame(err error) {
	if !s.conn.secure {
		return
	}
	if f, ok := lastFrame(err, s.id, s.version, s.grant); ok {
		// An error is ignored: the outcome is recorded, whether or not the phone
		// hears it.
		_ = s.send(f, 0)
	}
	if err != nil {
		s.conn.linger()
	}
	s.conn.close()
}

// logEnd writes the one line about the session.
func (s *session) logEnd(err error) {
	args := []any{"device", s.device, "version", s.version, "step", s.state.step()}
	if s.grant != nil {
		args = append(args, "operation", s.grant.Operation().String())
	}
	args = append(args, "took", time.Since(s.conn.began).Round(time.Millisecond))
	var failure *enroll.SessionError
	switch {
	case err == nil:
		s.log.Info("session", append(args, "outcome", "ok")...)
	case errors.As(err, &failure):
		args = append(args, "outcome", failure.Kind.Error(), "reason", failure.Detail)
		if failure.Hint != "" {
			args = append(args, "hint", failure.Hint)
		}
		s.log.Info("session", args...)
	default:
		s.log.Error("session", append(args, "outcome", "internal error", "reason", err.Error())...)
	}
}
