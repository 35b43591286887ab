package approval_test

import (
	"strings"
	"testing"
	"time"

	"capf/enroll/authority"
	"capf/store"
)

// TestPreparedWaits: each step of a change of the CAPF certificate waits for another
// operator, who reads when it will be shown; what serve does in its time was approved with
// that.
func TestPreparedWaits(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	sast := store.ListKey{Fingerprint: strings.Repeat("ab", 32), Certificate: []byte("SAST"), SealedKey: []byte("sealed")}
	o.must(o.store.BeginLists(t.Context(), store.Actor{Kind: store.Operator, Name: "olga"}, sast, nil))
	olga, otto := o.desk("olga", 1001), o.desk("otto", 1002)
	waits := func(err error, effect string) {
		t.Helper()
		p := o.waits(err)
		if kept, err := o.store.Proposal(t.Context(), p.ID); err != nil || len(kept.Effects) != 1 || !strings.Contains(kept.Effects[0], effect) {
			t.Errorf("the effects are %q, %v; want %q", kept.Effects, err, effect)
		}
		o.must(approveAs(o, otto, p))
	}
	announced := func(want int) {
		t.Helper()
		if all, err := authority.Announced(t.Context(), o.store.Reader); err != nil || len(all) != want {
			t.Errorf("announced are %d, %v; want %d", len(all), err, want)
		}
	}
	regenerate := func() {
		t.Helper()
		_, _, err := olga.CAPF().Regenerate(t.Context(), nil, 2048, authority.Delay{Span: 7 * 24 * time.Hour})
		waits(err, "in trust lists at once, shown 7 days after that")
		announced(2)
	}
	regenerate()
	_, err := olga.CAPF().Postpone(t.Context(), authority.Delay{Span: 36 * time.Hour})
	waits(err, "is shown 36h0m0s after that; was after ")
	if changed, err := olga.CAPF().Postpone(t.Context(), authority.Delay{Span: 36 * time.Hour}); err != nil || changed {
		t.Errorf("the same time again: %v, %v", changed, err)
	}
	_, err = olga.CAPF().Cancel(t.Context())
	waits(err, "- capf: the prepared certificate, SHA-256 ")
	announced(1)
	regenerate()
	_, err = olga.CAPF().Show(t.Context())
	waits(err, "is shown at once; was SHA-256 ")
	announced(1)
}
