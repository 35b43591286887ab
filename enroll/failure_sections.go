package enroll

import (
	"errors"
	"strings"

	"capf/store"
)

// failuresPage is the document with a section on each way in which a session fails.
const failuresPage = "docs/failures.md#"

// The sections that are about no failure of a session.
const (
	SectionNotContacted = failuresPage + "not-contacted"
	SectionWaiting      = failuresPage + "waiting-for-ca"
	SectionLocked       = failuresPage + "locked"
	SectionAddress      = failuresPage + "address-declined"
)

// StatusSection returns the section on a status, "" unless it is that of a failure.
func StatusSection(v store.Status) string {
	if !v.IsFailure() {
		return ""
	}
	_, cause, _ := strings.Cut(string(v), "-failed-")
	return causeSection(store.Cause(cause))
}

func causeSection(c store.Cause) string {
	if c == store.NoCause {
		return failuresPage + "no-cause"
	}
	return failuresPage + string(c)
}

// sections are the sections on kinds of SessionError that have no cause of their own.
var sections = []struct {
	kind error
	name string
}{
	{ErrUnknownDevice, "unknown-device"},
	{ErrNothingScheduled, "nothing-scheduled"},
	{ErrDeclined, "declined"},
	{ErrLate, "late"},
	{ErrKey, "no-key"},
	{ErrLost, "lost"},
	{ErrNotTrusted, "not-trusted"},
	{ErrNoCommonTLS, "no-common-tls"},
	{ErrMalformed, "malformed"},
	{ErrAborted, "aborted"},
	{ErrEnded, "ended"},
	{ErrSuperseded, "superseded"},
	{ErrUnreachable, "ca-unreachable"},
}

// Section returns the section on what ended a session.
func (e *SessionError) Section() string {
	switch {
	case e.String == StringLockedOut:
		return SectionLocked
	case e.String == StringFromDeclinedAddress:
		return SectionAddress
	case e.Cause != store.NoCause:
		return causeSection(e.Cause)
	}
	for _, s := range sections {
		if errors.Is(e, s.kind) {
			return failuresPage + s.name
		}
	}
	return failuresPage + "internal-error"
}

// OutcomeSection returns the section on the outcome of an event, "" when there is none.
func OutcomeSection(outcome string) string {
	for _, s := range sections {
		if s.kind.Error() == outcome {
			return failuresPage + s.name
		}
	}
	if outcome == "locked" {
		return SectionLocked
	}
	return ""
}
