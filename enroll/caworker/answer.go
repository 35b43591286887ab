package caworker

import (
	"context"
	"strings"

	"capf/store"
)

// Answer is what the online CA has said about a request.
type Answer struct {
	store.OnlineRequest
	Standing string // in one line, for people
}

// AnswerTo returns the state of a request at the online CA. The error is
// store.ErrNotFound for a request that was never meant for one.
func AnswerTo(ctx context.Context, s *store.Reader, requestID int64) (Answer, error) {
	o, err := s.Online(ctx, requestID)
	if err != nil {
		return Answer{}, err
	}
	return Answer{o, standing(o)}, nil
}

// standing describes the state of a request at the online CA.
func standing(o store.OnlineRequest) string {
	number := ""
	if o.CARequest != "" {
		number = " as its request " + o.CARequest
	}
	switch o.State {
	case store.OnlineQueued:
		return strings.TrimSpace("waits to be sent to the CA; " + o.Note)
	case store.OnlineSent:
		return "is on its way to the CA, which has not answered yet"
	case store.OnlineTaken:
		return "the CA has it" + number + "; the certificate is asked for again"
	case store.OnlineIssued:
		return "the CA issued the certificate" + number
	case store.OnlineDenied:
		switch code, _, _ := strings.Cut(o.Code, "."); code {
		case "401", "403", "495", "496":
			return "the web server of the CA did not let us in, so the CA has not seen it"
		}
		return "the CA denied it" + number
	case store.OnlineUnfit:
		return "the CA issued a certificate" + number + " that failed a check; it is kept and was not sent to the phone"
	case store.OnlineUnreachable:
		return "it did not reach the CA"
	case store.OnlineUnknown:
		return "whether the CA has taken it is not known; it is not sent again"
	case store.OnlineWithdrawn:
		return "it was not sent, since the phone had gone"
	case store.OnlineLate:
		return "the CA did not decide in time; it still has it" + number
	}
	return string(o.State)
}
