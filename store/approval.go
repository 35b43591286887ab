package store

import "fmt"

// OutcomeBypassed is the outcome of the event that a change went by without approval.
const OutcomeBypassed = "bypassed"

// approval is what the changes through a Store of Approving or Bypassing have in
// common. It serves one operator's command, which makes one change after the other.
type approval struct {
	begin func(*tx) (note string, err error) // in the transaction of the first change
	begun bool                               // that one is on the disk
	note  string                             // for the events of all of them
}

// Approving is the same database for carrying out a proposal: the first change through
// it takes the proposal from waiting to approved in the same transaction, and the
// events of all changes name who has proposed it and who approves. The change fails
// with ErrConflict, and nothing happens, when the proposal does not wait any more, or
// when an operator has changed anything but devices since the event seen: the rules were
// asked before that. Devices are changed all the time where there are many, by phones
// too, and what waits for approval does not depend on them.
func (s *Store) Approving(a Actor, id, seen int64) *Store {
	return s.with(func(t *tx) (string, error) {
		var overtaken bool
		err := t.row("SELECT EXISTS (SELECT 1 FROM events WHERE id > ? AND actor_kind = 'operator' AND device = '')", seen).Scan(&overtaken)
		if err == nil && overtaken {
			err = conflict("another operator changes something at the same time")
		}
		if err != nil {
			return "", err
		}
		p, err := decideProposal(t, a, id, ProposalApproved, "")
		if err != nil {
			return "", err
		}
		by := fmt.Sprintf("proposed by %s, approved by %s", p.ProposedBy, a.Name)
		return fmt.Sprintf("%s (proposal %d)", by, id), t.event(a, "", EventText{Action: "approval-approve", Detail: p.named() + "; " + by})
	})
}

// Bypassing is the same database for a change that should have been approved and was
// not: the first change through it writes that down as a proposal of its own.
func (s *Store) Bypassing(a Actor, p Proposal) *Store {
	return s.with(func(t *tx) (string, error) {
		p := p
		p.State, p.ProposedAt, p.ExpiresAt, p.DecidedAt, p.DecidedBy = ProposalBypassed, t.now, t.now, t.now, a.Name
		if err := insertProposal(t, a, &p); err != nil {
			return "", err
		}
		return "without approval: " + p.Reason, t.event(a, "", EventText{Action: "approval-bypass", Outcome: OutcomeBypassed, Detail: p.named() + "; reason: " + p.Reason})
	})
}

func (s *Store) with(begin func(*tx) (string, error)) *Store {
	r := *s
	r.approval = &approval{begin: begin}
	return &r
}

// around is a change under the approval.
func (v *approval) around(work func(*tx) error) func(*tx) error {
	return func(t *tx) error {
		if !v.begun {
			var err error
			if v.note, err = v.begin(t); err != nil {
				return err
			}
		}
		t.note = v.note
		defer func() { t.note = "" }() // others share the transaction
		return work(t)
	}
}

// Rehearsing says whether every change is undone.
func (s *Store) Rehearsing() bool { return s.rehearsing }
