package settings

import (
	"slices"
	"strings"
	"time"

	"capf/internal/apperr"
	"capf/internal/input"
)

// The kinds of changes that parameter approve can make wait for another operator. Whoever
// could change the parameter alone would get around it, and so would whoever names a
// program, which serve runs with the rights to change everything: those wait too, as kinds
// of their own, wherever any does.
const (
	TrustSubject      = "trust"      // what is in the trust stores, and what it vouches for
	IssuerSubject     = "issuer"     // who issues LSCs: certificate_issuer and the online CA
	RegenerateSubject = "regenerate" // the CAPF key and certificate
	ListSubject       = "trust-list" // whom phones trust because of their trust lists
	ApproveSubject    = "approve"
	ProgramSubject    = "program" // which programs serve runs
)

// subjects is the order in which the parameter has them.
var subjects = []string{TrustSubject, IssuerSubject, RegenerateSubject, ListSubject}

// parseSubjects checks a list of kinds and puts it in order.
func parseSubjects(value string) (string, error) {
	given := strings.Split(strings.ToLower(value), ",")
	for i, word := range given {
		given[i] = strings.TrimSpace(word)
		if !slices.Contains(subjects, given[i]) {
			return "", apperr.BadValue("it is none, or a list of %s with commas between them, not %q", orList(subjects), value)
		}
	}
	return strings.Join(slices.DeleteFunc(slices.Clone(subjects), func(s string) bool { return !slices.Contains(given, s) }), ","), nil
}

// NeedsApproval says whether a change of the kind waits for another operator.
func (s *Settings) NeedsApproval(subject string) bool {
	if subject == ApproveSubject || subject == ProgramSubject {
		return len(s.Approve) > 0
	}
	return slices.Contains(s.Approve, subject)
}

// The bounds of the time in which a proposal can be approved.
const (
	leastWait = time.Hour
	mostWait  = 90 * 24 * time.Hour
)

func parseWait(value string) (string, error) {
	value = strings.ToLower(value)
	if d, err := wait(value); err != nil || d < leastWait || d > mostWait {
		return "", apperr.BadValue("%s must be a time from 1h to 90d, not %q", ApprovalExpires, value)
	}
	return value, nil
}

// wait reads a length of time in hours or days, of which each has 24 hours.
func wait(value string) (time.Duration, error) {
	begin := time.Unix(0, 0).UTC()
	end, err := input.Time("+"+value, begin)
	return end.Sub(begin), err
}

// listOf is a list with commas in it, nil for an empty one.
func listOf(value string) []string {
	if value == "" {
		return nil
	}
	return strings.Split(value, ",")
}
