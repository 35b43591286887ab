package server

import (
	"errors"
	"time"

	"capf/enroll"
	"capf/store"
)

// Meter is told what sessions do. Its methods are called while a phone waits, from
// many goroutines, and have to be quick. All words come from small fixed sets: none is
// what a phone has sent.
type Meter interface {
	// Moved says what a session waits for now, and waited for before; "" is
	// before its beginning and after its end.
	Moved(from, to string)
	// Ended says how a session came out, and how long it took.
	Ended(operation, outcome string, took time.Duration)
	// LockedOut says that a wrong string has locked a device.
	LockedOut()
	// AddressDeclined says that from now on an address is declined, after a wrong
	// string.
	AddressDeclined()
	// TurnedAway says why a connection got no session.
	TurnedAway(reason string)
	// Issued says how long a phone waited for its LSC.
	Issued(issuer string, took time.Duration)
	// Enrolled says that a phone has confirmed its LSC.
	Enrolled(issuer, key string)
}

// noMeter is the meter of a server whose sessions are not counted.
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

// sessionMeter tells the meter when a session waits for something else.
type sessionMeter struct {
	meter Meter
	told  string // the state that the meter knows
}

func (m *sessionMeter) moveTo(state string) {
	if state != m.told {
		m.meter.Moved(m.told, state)
		m.told = state
	}
}

// countEnd tells the meter how a session came out. The grant is nil when its phone
// did not authenticate.
func countEnd(m Meter, grant *enroll.Grant, lsc store.LSC, took time.Duration, err error) {
	operation := "none"
	if grant != nil {
		operation = grant.Operation().String()
	}
	m.Ended(operation, outcome(err), took)
	var failure *enroll.SessionError
	if errors.As(err, &failure) && failure.String == enroll.StringLocks {
		m.LockedOut()
	}
	if failure != nil && failure.AddressDeclined {
		m.AddressDeclined()
	}
	if err == nil && grant.Operation() == store.Install {
		m.Enrolled(grant.Settings.Issuer, lsc.KeyKind)
	}
}

// outcomes are the kinds of SessionError in a word each.
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

// Outcomes are all outcomes that a Meter may be told.
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
	var failure *enroll.SessionError
	if !errors.As(err, &failure) {
		return ourFault
	}
	switch failure.String {
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

// noIPv6 is the reason for turning a phone away before its session is thought of.
const noIPv6 = "enable_ipv6"
