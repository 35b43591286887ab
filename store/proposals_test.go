package store

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func proposal(digest byte) Proposal {
	return Proposal{Subject: "trust", Action: "cert upload", Effects: []string{"+ one", "+ two"}, Document: []byte("{}"), Digest: append(make([]byte, 31), digest), Proposer: 1001}
}

// TestProposals: a change waits once, is decided once, and what is decided has no
// document any more.
func TestProposals(t *testing.T) {
	t.Parallel()
	s, clock := newStore(t)
	otto, olga := Actor{Kind: Operator, Name: "otto"}, Actor{Kind: Operator, Name: "olga"}
	first, known, err := s.Propose(t.Context(), otto, proposal(1), time.Hour)
	if err != nil || known || first.ID != 1 || first.ProposedBy != "otto" {
		t.Fatalf("%+v, %v, %v", first, known, err)
	}
	again, known, err := s.Propose(t.Context(), olga, proposal(1), time.Hour)
	if err != nil || !known || again.ID != 1 || again.ProposedBy != "otto" || len(again.Effects) != 2 {
		t.Fatalf("%+v, %v, %v", again, known, err)
	}
	_, err = s.RejectProposal(t.Context(), olga, 1, "not now")
	must(t, err)
	p, err := s.Proposal(t.Context(), 1)
	must(t, err)
	if p.State != ProposalRejected || p.DecidedBy != "olga" || p.Reason != "not now" || len(p.Document) != 0 {
		t.Errorf("%+v", p)
	}
	_, err = s.RejectProposal(t.Context(), olga, 1, "")
	wantErr(t, err, ErrConflict)
	_, err = s.RejectProposal(t.Context(), olga, 7, "")
	wantErr(t, err, ErrNotFound)

	// The same change may be proposed anew, and runs out.
	anew, known, err := s.Propose(t.Context(), otto, proposal(1), time.Hour)
	if err != nil || known || anew.ID != 2 {
		t.Fatalf("%+v, %v, %v", anew, known, err)
	}
	clock.move(2 * time.Hour)
	if err := s.Approving(olga, 2, 1<<40).SetParameter(t.Context(), olga, "keep_alive", "20"); !errors.Is(err, ErrConflict) {
		t.Errorf("the error is %v", err)
	}
	if n, err := s.ExpireProposals(t.Context()); n != 1 || err != nil {
		t.Errorf("%d have run out, %v", n, err)
	}
	if n, err := s.ExpireProposals(t.Context()); n != 0 || err != nil {
		t.Errorf("%d have run out twice, %v", n, err)
	}
	actions := ""
	for _, e := range all(t, s.Events(t.Context(), EventFilter{Action: "approval-*"})) {
		actions += e.Action + " "
	}
	if want := "approval-propose approval-reject approval-propose approval-expire "; actions != want {
		t.Errorf("the record has %s", actions)
	}
}

// TestApproving: proposal and change are one transaction, whose events name both.
func TestApproving(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	otto, olga := Actor{Kind: Operator, Name: "otto"}, Actor{Kind: Operator, Name: "olga"}
	_, _, err := s.Propose(t.Context(), otto, proposal(1), time.Hour)
	must(t, err)
	seen, err := s.ChainEnd(t.Context())
	must(t, err)
	must(t, s.SetParameter(t.Context(), otto, "keep_alive", "30"))
	// An operator was faster, so the rules have to be asked again.
	wantErr(t, s.Approving(olga, 1, seen.ID).SetParameter(t.Context(), olga, "keep_alive", "20"), ErrConflict)
	if p, _ := s.Parameters(t.Context()); p["keep_alive"] != "30" {
		t.Errorf("keep_alive is %s", p["keep_alive"])
	}
	// A change that fails leaves the proposal as it is.
	seen, err = s.ChainEnd(t.Context())
	must(t, err)
	wantErr(t, s.Approving(olga, 1, seen.ID).DeleteTrust(t.Context(), olga, 99), ErrNotFound)
	approving := s.Approving(olga, 1, seen.ID)
	must(t, approving.SetParameter(t.Context(), olga, "keep_alive", "20"))
	must(t, approving.SetParameter(t.Context(), olga, "keep_alive", "25")) // the same proposal
	wantErr(t, s.Approving(olga, 1, 1<<40).SetParameter(t.Context(), olga, "keep_alive", "5"), ErrConflict)
	must(t, s.SetParameter(t.Context(), olga, "keep_alive", "6"))
	events := all(t, s.Events(t.Context(), EventFilter{Operator: "olga"}))
	var details []string
	for _, e := range events {
		details = append(details, e.Action+": "+e.Detail)
	}
	want := []string{
		"approval-approve: proposal 1: cert upload: + one; + two; proposed by otto, approved by olga",
		"set: keep_alive; proposed by otto, approved by olga (proposal 1)",
		"set: keep_alive; proposed by otto, approved by olga (proposal 1)",
		"set: keep_alive",
	}
	if strings.Join(details, "\n") != strings.Join(want, "\n") {
		t.Errorf("the events are\n%s", strings.Join(details, "\n"))
	}
}
