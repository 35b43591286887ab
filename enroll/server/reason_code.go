package server

import (
	"errors"
	"time"

	"capf/enroll"
	"capf/enroll/wire"
	"capf/store"
)

// ourRetryDelay is the delay that a phone is given when the failure is
// ours.
const ourRetryDelay = 30 * time.Second

// lastFrame returns the last frame of a session, in the protocol version of the phone.
// It is the one place where an error becomes a reason code. It returns false when the
// phone is gone. The grant is nil when the phone did not authenticate.
func lastFrame(err error, id uint32, version byte, grant *enroll.Grant) (wire.Frame, bool) {
	reason := wire.ReasonDeclined
	var failure *enroll.SessionError
	switch {
	case err == nil && grant.Operation() == store.Troubleshoot:
		reason = wire.ReasonNoAction
	case err == nil:
		reason = wire.ReasonSuccess
	case !errors.As(err, &failure):
		return wire.RetryLater{Delay: ourRetryDelay}.Frame(id), true
	case errors.Is(err, enroll.ErrLost):
		return wire.Frame{}, false
	case errors.Is(err, enroll.ErrAborted):
		return wire.AbortResponse{Reason: wire.ReasonSuccess}.Frame(id), true
	case errors.Is(err, enroll.ErrUnreachable):
		return wire.RetryLater{Delay: failure.RetryAfter}.Frame(id), true
	case errors.Is(err, enroll.ErrUnknownDevice):
		reason = wire.ReasonUnknownDevice
	case errors.Is(err, enroll.ErrNothingScheduled) && version > 2:
		// A version-2 client takes 0 for an unknown error and 7 for "already
		// issued".
		reason = wire.ReasonNoAction
	}
	return wire.EndSession{Reason: reason}.Frame(id), true
}
