package lists

import (
	"context"
	"crypto/x509"
	"time"

	"capf/enroll/authority"
	"capf/internal/apperr"
	"capf/store"
)

// Standing is who signs lists, and who is next.
type Standing struct {
	Signer     SAST
	Spare      *SAST // nil when there is none
	SignsSince time.Time
	DueAt      time.Time // when the spare is to sign; zero: nothing is planned
	PlannedAt  time.Time // when that was decided
	PlannedBy  string
}

// SAST is a key as it stands in lists, without the key.
type SAST struct {
	Certificate *x509.Certificate
	Fingerprint string    // SHA-256 of the certificate, hexadecimal
	ListedAt    time.Time // since when lists carry it
	CeasedAt    time.Time // when it ceased to sign; zero for one that never did, or signs
	CopiedAt    time.Time // when a copy was last known outside of the database; zero for never
}

// Stand reads it, without the master key. The error is ErrNone when there are no keys.
func Stand(ctx context.Context, s *store.Reader) (st Standing, err error) {
	l, err := signing(ctx, s)
	if err != nil {
		return st, err
	}
	return standing(l)
}

func standing(l store.ListSigning) (st Standing, err error) {
	st = Standing{SignsSince: l.SignsSince, DueAt: l.DueAt, PlannedAt: l.PlannedAt, PlannedBy: l.PlannedBy}
	if st.Signer, err = sast(l.Signer); err != nil || !l.HasSpare() {
		return st, err
	}
	spare, err := sast(l.Spare)
	st.Spare = &spare
	return st, err
}

func sast(k store.ListKey) (SAST, error) {
	c, err := certificate(k)
	return SAST{c, k.Fingerprint, k.ListedAt, k.CeasedAt, k.CopiedAt}, err
}

// All are the keys, that which signs first.
func (s *Standing) All() []SAST {
	if s.Spare == nil {
		return []SAST{s.Signer}
	}
	return []SAST{s.Signer, *s.Spare}
}

// Unfinished says that the second key is the one that signed before, and not the next one
// to sign: a new one has to follow before the keys can be rotated again.
func (s *Standing) Unfinished() bool { return s.Spare != nil && !s.Spare.CeasedAt.IsZero() }

// leastKnown is how long lists carry a key at least before one is signed with it. In that
// time phones can fetch such a list; whether they do, nobody here knows.
const leastKnown = time.Hour

// knownFrom is when the spare may sign: at once, which is the zero time, if it was in every
// list that the present signer has signed.
func (s *Standing) knownFrom() time.Time {
	if !s.Spare.ListedAt.After(s.SignsSince) {
		return time.Time{}
	}
	return s.Spare.ListedAt.Add(leastKnown)
}

// Step is what a rotation does next.
type Step string

// The steps. Phones take a list if they know its signer from the one before, so that a key
// must stand in a list first, and sign one later.
const (
	NewSpare Step = "new-spare"     // a new key becomes the second one in lists
	Sign     Step = "sign"          // the second one signs
	Plan     Step = "plan"          // it is to sign later
	GoBack   Step = "go-back"       // the key that signed before signs again
	Nothing  Step = "nothing-to-do" // it is planned so already
)

// Rotation is what an operator wants.
type Rotation struct {
	After authority.Delay // when the spare is to sign; zero for at once. A span begins when that is decided
	Back  bool            // the key that signed before is to sign again
	Fresh bool            // a new spare is to take the place of the present one, whatever that is
}

// Plan is when the spare is to sign, with the zero time for at once.
func (s *Standing) Plan(r Rotation, now time.Time) (plan store.ListPlan) {
	plan.Since = now.Truncate(time.Millisecond) // as it is kept
	if !s.DueAt.IsZero() {
		plan.Since = s.PlannedAt
	}
	plan.Due = r.After.From(plan.Since).Truncate(time.Millisecond)
	return plan
}

// Step says which step comes next. The error is apperr.ErrRefused when it would lock
// phones out.
func (s *Standing) Step(r Rotation, now time.Time) (Step, error) {
	at := s.Plan(r, now).Due
	switch {
	case r.Back && !s.Unfinished():
		return "", apperr.Refused("there is no key to go back to: the second one in the lists has never signed")
	case r.Back:
		return GoBack, nil
	case r.Fresh && !s.DueAt.IsZero():
		return "", apperr.WithHint(apperr.Refused("the present spare is to sign from %s on, and phones know that one", shown(s.DueAt)), "capf trust-list rotate --cancel")
	case s.Spare == nil || s.Unfinished() || r.Fresh:
		return NewSpare, mayPlan(at, now, now.Add(leastKnown), "a new key stands in the lists from now on")
	}
	since := "the spare stands in the lists since " + shown(s.Spare.ListedAt)
	switch known := s.knownFrom(); {
	case !at.IsZero() && at.Equal(s.DueAt):
		return Nothing, nil
	case !at.IsZero():
		return Plan, mayPlan(at, now, known, since)
	case now.Before(known):
		return "", tooEarly(known, since)
	}
	return Sign, nil
}

// mayPlan refuses a time that has passed, or comes before phones can know the key.
func mayPlan(at, now, known time.Time, since string) error {
	switch {
	case at.IsZero():
		return nil
	case !at.After(now):
		return apperr.Refused("%s has passed", shown(at))
	case at.Before(known):
		return tooEarly(known, since)
	}
	return nil
}

func tooEarly(known time.Time, since string) error {
	return apperr.WithHint(apperr.Refused("%s, so phones that hold an older one would refuse a list that it signs: not both steps at once", since),
		"capf trust-list rotate --after %s is the earliest; give all phones the time to fetch a list", shown(known.Add(time.Second-1)))
}

func shown(t time.Time) string { return t.UTC().Format(time.RFC3339) }
