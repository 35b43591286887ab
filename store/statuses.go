package store

import (
	"fmt"
	"strings"
)

// Cause is the X in a status such as "Upgrade Failed: X".
type Cause string

// The causes that the vendor names. NoCause leaves a bare "Upgrade Failed".
const (
	NoCause               Cause = ""
	InvalidLSC            Cause = "invalid-lsc"
	InvalidString         Cause = "invalid-authentication-string"
	InvalidMIC            Cause = "invalid-mic"
	InvalidCredentials    Cause = "invalid-credentials"
	CommunicationFailure  Cause = "phone-communication-failure"
	KeyGenerationFailed   Cause = "key-generation-failed"
	CACommunicationFailed Cause = "ca-communication-failure"
	CARejected            Cause = "ca-rejected-connection"
	Late                  Cause = "late"
	NoECInVersion         Cause = "no-ec-support" // only for an upgrade
)

// Statuses without a cause.
const (
	StatusNone    Status = "none"
	StatusPending Status = "pending"
)

// verbs are the words with which the statuses of an operation begin.
var verbs = map[Operation]word{
	Install:      {"upgrade", "Upgrade"},
	Delete:       {"delete", "Delete"},
	Troubleshoot: {"troubleshoot", "Troubleshoot"},
}

var causes = []word{
	{string(InvalidLSC), "Invalid LSC"},
	{string(InvalidString), "Invalid Authentication String"},
	{string(InvalidMIC), "Invalid MIC"},
	{string(InvalidCredentials), "Invalid Credentials"},
	{string(CommunicationFailure), "Phone Communication Failure"},
	{string(KeyGenerationFailed), "Key Generation Failed/Timeout"},
	{string(CACommunicationFailed), "CA Communication Failure"},
	{string(CARejected), "CA Rejected Connection"},
	{string(Late), "User Initiated Request Late/Timedout"},
	{string(NoECInVersion), "No Support for EC only in CAPF version 3"},
}

// statuses is every Certificate Operation Status there is.
var statuses = allStatuses()

func allStatuses() []word {
	words := []word{{"none", "None"}, {"pending", "Operation Pending"}}
	for _, op := range []Operation{Install, Delete, Troubleshoot} {
		v := verbs[op]
		words = append(words, word{v.short + "-success", v.long + " Success"}, word{v.short + "-failed", v.long + " Failed"})
		for _, c := range causes {
			if !causeFits(op, Cause(c.short)) {
				continue
			}
			words = append(words, word{v.short + "-failed-" + c.short, v.long + " Failed: " + c.long})
		}
	}
	return words
}

// causeFits reports whether the vendor has a status for the pair: a
// troubleshoot never reaches a CA, and only an upgrade can lack EC.
func causeFits(op Operation, c Cause) bool {
	switch c {
	case CACommunicationFailed, CARejected:
		return op != Troubleshoot
	case NoECInVersion:
		return op == Install
	}
	return true
}

// Succeeded returns the status of an operation that its phone confirmed.
func Succeeded(op Operation) Status { return Status(verbs[op].short + "-success") }

// Failed is the status of an operation that ended with the cause. A cause for
// which the vendor has no status with this operation gives the bare form.
func Failed(op Operation, c Cause) Status {
	s := verbs[op].short + "-failed"
	if c == NoCause || !causeFits(op, c) {
		return Status(s)
	}
	return Status(s + "-" + string(c))
}

// Statuses lists the short forms, for completion and tests.
func Statuses() []string { return shorts(statuses) }

// IsFailure reports whether the status is that of a failed operation.
func (v Status) IsFailure() bool { return strings.Contains(string(v), "-failed") }

// Long is the vendor's text of the status.
func (v Status) Long() string { return long(statuses, string(v)) }

// ParseStatus accepts the short form and the vendor's text.
func ParseStatus(s string) (Status, error) {
	v, err := parse[Status]("", statuses, s)
	if err != nil { // there are too many to name them all
		return "", fmt.Errorf("%q is not a certificate operation status, such as pending, upgrade-success or upgrade-failed-invalid-mic", s)
	}
	return v, nil
}
