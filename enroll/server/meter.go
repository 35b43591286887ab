package server

import (
	"errors"
	"time"

	"capf/enroll"
	"capf/store"
)

// Meter is told what sessions do, for whoever counts it. Its methods are called
// on the way of a phone, from many goroutines, and have to be quick. All words
// come from small fixed sets: none is what a phone has sent.
type Meter interface {
	// Moved says what a session waits for now, and waited for before; "" is
	// before its beginning and after its end.
	Moved(from, to string)
	// Ended says how a session came out, and how long it took.
	Ended(operation, outcome string, took time.Duration)
	// LockedOut says that a wrong string has locked a device.
	LockedOut()
	// AddressDeclined says that a wrong string has made its address one that is
	// declined.
	AddressDeclined()
	// TurnedAway says why a connection got no session.
	TurnedAway(reason string)
	// Issued says how long a phone waited for its LSC.
	Issued(issuer string, took time.Duration)
	// Enrolled says that a phone has confirmed its LSC.
	Enrolled(issuer, key string)
}

// noMeter is the meter of a server whose sessions nobody counts.
type noMeter struct{}

func (noMeter) Moved(string, string)                {}
func (noMeter) Ended(string, string, time.Duration) {}
func (noMeter) LockedOut()                          {}
func (noMeter) AddressDeclined()                    {}
func (noMeter) TurnedAway(string)                   {}
func (noMeter) Issued(string, time.Duration)        {}
func (noMeter) Enrolled(string, string)             {}

// handshaking is what a session does before it waits for its first frame.
const handshaking = "handshake"

// move tells the meter when the session waits for something else.
func (s *session) move(to string) {
	if to != s.metered {
		s.Meter.Moved(s.metered, to)
		s.metered = to
	}
}

// count tells the meter how the session came out.
func (s *session) count(err error) {
	s.move("")
	operation := "none"
	if s.grant != nil {
		operation = s.grant.Operation().String()
	}
	s.Meter.Ended(operation, outcome(err), time.Since(s.began))
	if guess(err) == enroll.StringLocks {
		s.Meter.LockedOut()
	}
	var end *enroll.SessionError
	if errors.As(err, &end) && end.AddressDeclined {
		s.Meter.AddressDeclined()
	}
	if err == nil && s.grant.Operation() == store.Install {
		s.Meter.Enrolled(s.grant.Settings.Issuer, s.lsc.KeyKind)
	}
}

// outcomes are the endings in a word each.
var outcomes = []struct {
	kind error
	word string
}{
	{enroll.ErrUnknownDevice, "unknown_device"},
	{enroll.ErrNothingScheduled, "nothing_scheduled"},
	{enroll.ErrDeclined, "declined"},
	{enroll.ErrLate, "late"},
	{enroll.ErrKey, "no_key"},
	{enroll.ErrLost, "lost"},
	{enroll.ErrMalformed, "malformed"},
	{enroll.ErrAborted, "aborted"},
	{enroll.ErrSuperseded, "superseded"},
	{enroll.ErrUnreachable, "ca_unreachable"},
}

// The outcomes that are no kind of error.
const (
	wentWell    = "ok"
	wrongString = "wrong_string"
	locked      = "locked"
	addressOff  = "address_declined"
	ourFault    = "internal_error"
)

// Outcomes are all that a Meter may be told of endings.
func Outcomes() []string {
	words := []string{wentWell, wrongString, locked, addressOff, ourFault}
	for _, o := range outcomes {
		words = append(words, o.word)
	}
	return words
}

// Refusals are all reasons for which a Meter may be told that a connection got
// no session.
func Refusals() []string {
	return []string{string(stopping), string(tooMany), string(tooManyFromHere), noIPv6}
}

func outcome(err error) string {
	if err == nil {
		return wentWell
	}
	switch guess(err) {
	case enroll.StringWrong, enroll.StringLocks:
		return wrongString
	case enroll.StringLockedOut:
		return locked
	case enroll.StringFromDeclinedAddress:
		return addressOff
	}
	for _, o := range outcomes {
		if errors.Is(err, o.kind) {
			return o.word
		}
	}
	return ourFault
}

func guess(err error) enroll.StringResult {
	var end *enroll.SessionError
	if errors.As(err, &end) {
		return end.String
	}
	return enroll.StringUnused
}

// noIPv6 is the reason for turning a phone away before its session is thought of.
const noIPv6 = "enable_ipv6"

// refusal is why a connection gets no session; empty when it gets one.
type refusal string

const (
	stopping        refusal = "stopping"
	tooMany         refusal = "max_sessions"
	tooManyFromHere refusal = "max_sessions_per_address"
)

func (r refusal) String() string {
	if r == stopping {
		return "the service is stopping"
	}
	return string(r) + " is reached"
}
