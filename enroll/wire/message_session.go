package wire

import "time"

// reasonOnly reads a message whose body is just a REASON.
func reasonOnly(f Frame, cmd Command) (Reason, error) {
	if err := f.expect(cmd, TagReason); err != nil {
		return 0, err
	}
	return f.reason(), nil
}

func reasonFrame(cmd Command, session uint32, r Reason) Frame {
	return Frame{cmd, session, []Element{byteElement(TagReason, r)}}
}

// EndSession ends a session with a reason; it is the server's last frame.
type EndSession struct{ Reason Reason }

// Frame builds the END_SESSION.
func (m EndSession) Frame(session uint32) Frame {
	return reasonFrame(CmdEndSession, session, m.Reason)
}

// ParseEndSession reads an END_SESSION; an error wraps ErrMalformed.
func ParseEndSession(f Frame) (EndSession, error) {
	r, err := reasonOnly(f, CmdEndSession)
	return EndSession{r}, err
}

// RetryLater tells the phone to come back after a delay: whole seconds on
// the wire, up to 2^32-1.
type RetryLater struct{ Delay time.Duration }

// Frame builds the RETRY_LATER.
func (m RetryLater) Frame(session uint32) Frame {
	return Frame{CmdRetryLater, session, []Element{seconds(m.Delay)}}
}

// ParseRetryLater reads a RETRY_LATER; an error wraps ErrMalformed.
func ParseRetryLater(f Frame) (RetryLater, error) {
	if err := f.expect(CmdRetryLater, TagRetryDelay); err != nil {
		return RetryLater{}, err
	}
	return RetryLater{f.delay()}, nil
}

// RequestInProgress says that the phone is still making its key. Hardware
// phones send one at once after KEY_GENERATE_REQUEST.
type RequestInProgress struct {
	Delay    time.Duration // whole seconds on the wire
	HasDelay bool
}

// Frame builds the REQUEST_IN_PROGRESS.
func (m RequestInProgress) Frame(session uint32) Frame {
	f := Frame{Command: CmdRequestInProgress, Session: session}
	if m.HasDelay {
		f.Elements = []Element{seconds(m.Delay)}
	}
	return f
}

// ParseRequestInProgress reads a REQUEST_IN_PROGRESS; an error wraps
// ErrMalformed.
func ParseRequestInProgress(f Frame) (RequestInProgress, error) {
	if err := f.expect(CmdRequestInProgress); err != nil {
		return RequestInProgress{}, err
	}
	return RequestInProgress{f.delay(), f.has(TagRetryDelay)}, nil
}

// AbortRequest is sent when the user stops the operation at the phone. Its
// body is not known; a REASON in it is accepted and ignored.
type AbortRequest struct{}

// Frame builds the ABORT_REQUEST, with an empty body.
func (m AbortRequest) Frame(session uint32) Frame {
	return Frame{Command: CmdAbortRequest, Session: session}
}

// ParseAbortRequest reads an ABORT_REQUEST; an error wraps ErrMalformed.
func ParseAbortRequest(f Frame) (AbortRequest, error) {
	return AbortRequest{}, f.expect(CmdAbortRequest)
}

// AbortResponse answers an AbortRequest.
type AbortResponse struct{ Reason Reason }

// Frame builds the ABORT_RESPONSE.
func (m AbortResponse) Frame(session uint32) Frame {
	return reasonFrame(CmdAbortResponse, session, m.Reason)
}

// ParseAbortResponse reads an ABORT_RESPONSE; an error wraps ErrMalformed.
func ParseAbortResponse(f Frame) (AbortResponse, error) {
	r, err := reasonOnly(f, CmdAbortResponse)
	return AbortResponse{r}, err
}
