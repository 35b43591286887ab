package server

import (
	"errors"
	"time"

	"capf/enroll"
	"capf/store"
)

// Meter counts what sessions do. Its methods are called concurrently while phones
// wait, so they must be quick. All strings come from small fixed sets; none is sent by
// a phone.
type Meter interface {
	// Moved says what a session waits for now, and what it waited for before;
	// "" stands for before its beginning and after its end.
	Moved(from, to string)
	// Ended says how a session came out, and how long it took.
	Ended(operation, outcome string, took time.Duration)
	// LockedOut says that a wrong string has locked a device.
	LockedOut()
	// AddressDeclined says that a wrong string has made an address a declined
	// one.
	AddressDeclined()
	// TurnedAway says why a connection got no session.
	TurnedAway(reason string)
	// Issued says that an LSC was issued, and how long the phone waited for it.
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

// sessionMeter reports to the meter what its session waits for.
type sessionMeter struct {
	meter    Meter
	reported string // the state that the meter last saw
}

func (m *sessionMeter) moveTo(state string) {
	if state != m.reported {
		m.meter.Moved(m.reported, state)
		m.reported = state
	}
}

// countEnd reports to the meter how a session came out. The grant is nil when its
// phone did not authenticate.
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

// outcomes maps the kinds of SessionError to one word each.
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
	{enroll.ErrNotTrusted, "not_trusted"},
	{enroll.ErrNoCommonTLS, "no_common_tls"},
	{enroll.ErrMalformed, "malformed"},
	{enroll.ErrAborted, "aborted"},
	{enroll.ErrSuperseded, "superseded"},
	{enroll.ErrEnded, "ended"},
	{enroll.ErrUnreachable, "ca_unreachable"},
}

// The outcomes that are not a kind of SessionError.
const (
	wentWell    = "ok"
	wrongString = "wrong_string"
	locked      = "locked"
	addressOff  = "address_declined"
	ourFault    = "internal_error"
)

// Outcomes returns all outcomes that a Meter may see.
func Outcomes() []string {
	words := []string{wentWell, wrongString, locked, addressOff, ourFault}
	for _, o := range outcomes {
		words = append(words, o.word)
	}
	return words
}

// Refusals returns all reasons that a Meter may see for a connection without a
// session.
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

// noIPv6 is the reason for turning away a phone before it is counted as a
// session.
const noIPv6 = "enable_ipv6"
