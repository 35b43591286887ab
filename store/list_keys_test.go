package store

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// listKey is a key with a fingerprint of one letter.
func listKey(letter string) ListKey {
	return ListKey{Fingerprint: strings.Repeat(letter, 64), Certificate: []byte("certificate " + letter), SealedKey: []byte("key " + letter)}
}

// standing says who signs and who is the spare, in letters.
func standing(t *testing.T, s *Store) string {
	t.Helper()
	l, err := s.ListSigning(t.Context())
	must(t, err)
	text := l.Signer.Fingerprint[:1]
	if l.HasSpare() {
		text += l.Spare.Fingerprint[:1]
	}
	return text
}

// TestListKeys: of two changes of who signs that were decided on the same state, one
// fails; a planned one happens once, when it is due.
func TestListKeys(t *testing.T) {
	t.Parallel()
	s, c := newStore(t)
	if _, err := s.ListSigning(t.Context()); !errors.Is(err, ErrNotFound) {
		t.Errorf("without keys: %v", err)
	}
	if is, err := s.ListsExist(t.Context()); is || err != nil {
		t.Errorf("without keys: %v, %v", is, err)
	}
	must(t, s.SetKeyCheck(t.Context(), []byte("sealed")))
	spare := listKey("b")
	must(t, s.BeginLists(t.Context(), operator, listKey("a"), &spare))
	if err := s.BeginLists(t.Context(), operator, listKey("d"), nil); !errors.Is(err, ErrConflict) {
		t.Errorf("a second beginning: %v", err)
	}
	seen, err := s.ListSigning(t.Context())
	must(t, err)

	due := c.now().Add(time.Hour)
	must(t, s.PlanListSwitch(t.Context(), operator, seen, ListPlan{due, c.now()}))
	for _, err := range []error{
		s.SwitchListKeys(t.Context(), operator, seen), s.SetListSpare(t.Context(), operator, seen, listKey("c"), ListPlan{}), s.PlanListSwitch(t.Context(), operator, seen, ListPlan{due, c.now()}),
	} {
		if !errors.Is(err, ErrConflict) {
			t.Errorf("decided before another change: %v", err)
		}
	}
	seen, err = s.ListSigning(t.Context())
	must(t, err)
	if err := s.SetListSpare(t.Context(), operator, seen, listKey("c"), ListPlan{}); !errors.Is(err, ErrConflict) {
		t.Errorf("a new spare while the old one is to sign: %v", err)
	}
	system := Actor{Kind: System}
	if done, err := s.SwitchListKeysDue(t.Context(), system); done || err != nil {
		t.Errorf("too early: %v, %v", done, err)
	}
	c.move(time.Hour)
	if done, err := s.SwitchListKeysDue(t.Context(), system); !done || err != nil {
		t.Errorf("in time: %v, %v", done, err)
	}
	if done, err := s.SwitchListKeysDue(t.Context(), system); done || err != nil {
		t.Errorf("once more: %v, %v", done, err)
	}
	if got := standing(t, s); got != "ba" {
		t.Errorf("after the change: %s", got)
	}
	seen, err = s.ListSigning(t.Context())
	must(t, err)
	if !seen.DueAt.IsZero() || !seen.SignsSince.Equal(c.now()) || !seen.Spare.CeasedAt.Equal(c.now()) || !seen.Signer.CeasedAt.IsZero() {
		t.Errorf("after the change: %+v", seen)
	}
	must(t, s.SetListSpare(t.Context(), operator, seen, listKey("c"), ListPlan{}))
	if got := standing(t, s); got != "bc" {
		t.Errorf("with a new spare: %s", got)
	}
	if got := all(t, s.Contradictions(t.Context())); len(got) > 0 {
		t.Errorf("contradictions: %v", got)
	}
}
