package health_test

import (
	"crypto/rand"
	"slices"
	"strings"
	"testing"
	"time"

	"capf/crypto"
	"capf/enroll/companytest"
	"capf/enroll/health"
	"capf/store"
)

// TestListFindings: what endangers the trust of phones in later lists is found, until it is
// put right.
func TestListFindings(t *testing.T) {
	t.Parallel()
	d := companytest.New(t)
	olga := store.Actor{Kind: store.Operator, Name: "olga"}
	made := func() store.ListKey {
		c, _, err := crypto.NewSAST(rand.Reader, crypto.Name{}, d.Now())
		if err != nil {
			t.Fatal(err)
		}
		return store.ListKey{Fingerprint: crypto.Fingerprint(c), Certificate: c.Raw, SealedKey: []byte("key")}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	found := func(at time.Time, want ...health.Kind) {
		t.Helper()
		all, err := health.Findings(t.Context(), d.Store.Reader, at, store.DeviceCounts{})
		must(err)
		var kinds []health.Kind
		for _, f := range all {
			if strings.HasPrefix(string(f.Kind), "sast-") {
				kinds = append(kinds, f.Kind)
			}
		}
		if !slices.Equal(kinds, want) {
			t.Errorf("found %v, not %v", kinds, want)
		}
	}
	now := func() store.ListSigning {
		t.Helper()
		l, err := d.Store.ListSigning(t.Context())
		must(err)
		return l
	}

	found(d.Now())
	signer, spare := made(), made()
	must(d.Store.BeginLists(t.Context(), olga, signer, nil))
	found(d.Now(), health.SpareMissing, health.KeyNotCopied)
	must(d.Store.SetListSpare(t.Context(), olga, now(), spare, store.ListPlan{}))
	found(d.Now(), health.KeyNotCopied)
	must(d.Store.MarkListKeyCopied(t.Context(), olga, signer.Fingerprint, "a file"))
	found(d.Now(), health.KeyNotCopied)
	must(d.Store.MarkListKeyCopied(t.Context(), olga, spare.Fingerprint, "a file"))
	found(d.Now())

	due := d.Now().Add(time.Hour)
	must(d.Store.PlanListSwitch(t.Context(), olga, now(), store.ListPlan{Due: due, Since: d.Now()}))
	found(d.Now(), health.RotationWaiting)
	found(due.Add(30*time.Second), health.RotationWaiting)
	found(due.Add(2*time.Minute), health.RotationOverdue)
	must(d.Store.SwitchListKeys(t.Context(), olga, now()))
	found(d.Now(), health.RotationUnfinished)
	must(d.Store.SetListSpare(t.Context(), olga, now(), made(), store.ListPlan{}))
	found(d.Now(), health.KeyNotCopied)

	end := d.Now().AddDate(20, 0, 0)
	found(end.AddDate(0, -6, 0), health.ListKeyEnds, health.ListKeyEnds, health.KeyNotCopied)
	found(end.AddDate(0, 0, 1), health.ListKeyEnded, health.ListKeyEnded, health.KeyNotCopied)
}
