package health

import (
	"context"
	"errors"
	"fmt"
	"time"

	"capf/enroll/expiry"
	"capf/enroll/lists"
	"capf/internal/plural"
	"capf/store"
)

// rotateDelay is how late a serve that runs may be with a rotation.
const rotateDelay = time.Minute

// trustLists examines the keys that sign trust lists.
type trustLists struct {
	examination
	lists.Standing
}

// listFindings reports what endangers the trust of phones in later lists.
func listFindings(ctx context.Context, s *store.Reader, now time.Time) ([]Finding, error) {
	x := trustLists{examination: examination{s, now}}
	var err error
	if x.Standing, err = lists.Stand(ctx, s); errors.Is(err, lists.ErrNone) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	found := append(x.keyEnds(), x.rotation()...)
	if f, not := x.notCopied(); not {
		found = append(found, f)
	}
	all, err := expiry.OfLists(ctx, s)
	if err != nil {
		return nil, err
	}
	var members []expiry.Ending
	for _, e := range all {
		if e.Kind == expiry.Member {
			members = append(members, e)
		}
	}
	ends, err := x.ends(ctx, members, "in the trust lists", ListMemberEnded, ListMemberEnds, "capf trust-list list; capf trust-list add brings a new one")
	return append(found, ends...), err
}

// keyEnds warns a year ahead: phones need time to learn of another key.
func (x trustLists) keyEnds() (found []Finding) {
	for i, k := range x.All() {
		what := []string{"the SAST that signs trust lists", "the spare SAST of trust lists"}[i]
		hint := "capf trust-list rotate --after 30d"
		if i > 0 {
			hint = "capf trust-list sast list; another one comes with capf trust-list rotate, or capf trust-list sast import"
		}
		switch left := k.Certificate.NotAfter.Sub(x.now); {
		case left < 0:
			found = append(found, severe(ListKeyEnded, fmt.Sprintf("%s expired on %s", what, day(k.Certificate.NotAfter)), hint).of(k.Fingerprint))
		case left < endSoon:
			f := warning(ListKeyEnds, fmt.Sprintf("%s ends in %s", what, plural.Of(int(left.Hours()/24), "day")), hint).of(k.Fingerprint)
			f.Ends = k.Certificate.NotAfter
			found = append(found, f)
		}
	}
	return found
}

// rotation says how far the keys are from where they can be rotated, or lost, without
// touching phones.
func (x trustLists) rotation() []Finding {
	switch {
	case x.Spare == nil:
		return []Finding{warning(SpareMissing, "trust lists have no spare SAST: if the key that signs them is lost, each phone has to be touched", "capf trust-list init makes one")}
	case !x.DueAt.IsZero() && x.now.Sub(x.DueAt) > rotateDelay:
		return []Finding{severe(RotationOverdue, fmt.Sprintf("the spare SAST was to sign trust lists from %s on, and does not", x.DueAt.UTC().Format(time.RFC3339)),
			"serve does it when it runs; capf trust-list rotate --yes does it now")}
	case !x.DueAt.IsZero():
		return []Finding{warning(RotationWaiting, fmt.Sprintf("the spare SAST signs trust lists from %s on, as %s has planned; until then phones must fetch a list made after %s",
			x.DueAt.UTC().Format(time.RFC3339), x.PlannedBy, x.Spare.ListedAt.UTC().Format(time.RFC3339)), "capf trust-list rotate --cancel takes it back, --after sets another time")}
	case x.Unfinished():
		return []Finding{warning(RotationUnfinished, fmt.Sprintf("the second SAST of trust lists is the one that signed until %s: there is no new spare yet", x.Spare.CeasedAt.UTC().Format(time.RFC3339)),
			"once phones have fetched a list: capf trust-list rotate")}
	}
	return nil
}

// notCopied reports keys that would be lost with this machine.
func (x trustLists) notCopied() (Finding, bool) {
	const hint = "capf trust-list sast export --out sast.p12"
	var names []string
	var since time.Time
	for _, k := range x.All() {
		if k.CopiedAt.IsZero() && k.CeasedAt.IsZero() {
			names, since = append(names, k.Certificate.Subject.CommonName), k.ListedAt
		}
	}
	switch {
	case len(names) == 0:
		return Finding{}, false
	case len(names) == 2:
		return warning(KeyNotCopied, fmt.Sprintf("no copy of the keys that sign trust lists was exported since they were made: without them, each phone has to be touched (%s, %s)", names[0], names[1]),
			hint+"; capf trust-list sast export --spare --out spare.p12"), true
	case names[0] == x.Signer.Certificate.Subject.CommonName:
		return warning(KeyNotCopied, fmt.Sprintf("no copy of the key that signs trust lists was exported since %s: without it, each phone has to be touched", day(since)), hint), true
	}
	return warning(KeyNotCopied, fmt.Sprintf("no copy of the spare key of trust lists was exported since %s: without it, each phone may have to be touched", day(since)),
		"capf trust-list sast export --spare --out spare.p12"), true
}
