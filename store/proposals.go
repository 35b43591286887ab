package store

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"time"
)

// ProposalState is what has become of a proposal.
type ProposalState string

// The states of a proposal. That one which waits has expired follows from its time,
// until whoever finds it writes it down.
const (
	ProposalWaiting  ProposalState = "waiting"
	ProposalApproved ProposalState = "approved"
	ProposalRejected ProposalState = "rejected"
	ProposalExpired  ProposalState = "expired"
	ProposalBypassed ProposalState = "bypassed" // carried out at once, without approval
)

// Proposal is a change that waits until another operator approves it, or did.
type Proposal struct {
	ID         int64
	Subject    string   // what parameter approve calls it
	Action     string   // the kind of change, such as cert upload
	Effects    []string // what it would do, a line for each thing
	Document   []byte   // what it needs to be carried out; empty once it is decided
	Digest     []byte   // SHA-256 by which the same change is known again
	State      ProposalState
	ProposedAt time.Time
	ProposedBy string
	Proposer   int64  // the proposer's user id
	Address    string // of the proposer's SSH client
	Command    string // the proposer's command line
	ExpiresAt  time.Time
	DecidedAt  time.Time
	DecidedBy  string
	Reason     string // of a rejection or a bypass
}

const selectProposal = `SELECT id, subject, action, effects, document, digest, state, proposed_at, proposed_by, proposer,
	address, command, expires_at, decided_at, decided_by, reason FROM proposals`

func (p *Proposal) fields() []any {
	return []any{&p.ID, &p.Subject, &p.Action, (*textLines)(&p.Effects), &p.Document, &p.Digest, (*string)(&p.State),
		(*instant)(&p.ProposedAt), &p.ProposedBy, &p.Proposer, &p.Address, &p.Command, (*instant)(&p.ExpiresAt),
		(*instant)(&p.DecidedAt), &p.DecidedBy, &p.Reason}
}

// textLines are lines in a column.
type textLines []string

// Scan reads what strings.Join made.
func (l *textLines) Scan(src any) error {
	text, ok := src.(string)
	if !ok {
		return fmt.Errorf("a text was expected in the database, not %T", src)
	}
	*l = strings.Split(text, "\n")
	return nil
}

// named is the proposal in events.
func (p *Proposal) named() string {
	return fmt.Sprintf("proposal %d: %s: %s", p.ID, p.Action, strings.Join(p.Effects, "; "))
}

// Expired says whether the time for an approval has passed.
func (p *Proposal) Expired(now time.Time) bool {
	return p.State == ProposalExpired || p.State == ProposalWaiting && !now.Before(p.ExpiresAt)
}

// Proposals yields proposals, oldest first; with waiting, only those that wait.
func (s *Reader) Proposals(ctx context.Context, waiting bool) iter.Seq2[Proposal, error] {
	q := query{selection: selectProposal, order: "id"}
	if waiting {
		q.where("state = 'waiting'")
		q.where("expires_at > ?", millis(s.options.Now()))
	}
	return stream(ctx, s, "reading proposals", q, (*Proposal).fields)
}

// BypassedSince yields the changes that went by without approval since a time.
func (s *Reader) BypassedSince(ctx context.Context, since time.Time) iter.Seq2[Proposal, error] {
	q := query{selection: selectProposal, order: "decided_at, id"}
	q.where("state = 'bypassed'")
	q.where("decided_at >= ?", millis(since))
	return stream(ctx, s, "reading proposals", q, (*Proposal).fields)
}

// Proposal returns a proposal. ErrNotFound: there is none with the id.
func (s *Reader) Proposal(ctx context.Context, id int64) (Proposal, error) {
	var p Proposal
	if err := s.point(ctx, selectProposal+" WHERE id = ?", []any{id}, p.fields()...); err != nil {
		return Proposal{}, failed(err, "proposal %d", id)
	}
	return p, nil
}

// Propose keeps a change for somebody else to approve within a time. Where the same
// one waits already, that is returned, and known is true.
func (s *Store) Propose(ctx context.Context, a Actor, p Proposal, within time.Duration) (kept Proposal, known bool, err error) {
	err = s.change(ctx, func(t *tx) error {
		if _, err := expireProposals(t); err != nil {
			return err
		}
		kept = Proposal{}
		err := t.row(selectProposal+" WHERE digest = ? AND state = 'waiting'", p.Digest).Scan(kept.fields()...)
		if known = err == nil; known || err != ErrNotFound {
			return err
		}
		kept = p
		kept.State, kept.ProposedAt, kept.ExpiresAt = ProposalWaiting, t.now, t.now.Add(within)
		if err := insertProposal(t, a, &kept); err != nil {
			return err
		}
		return t.event(a, "", EventText{Action: "approval-propose", Outcome: "waiting", Detail: kept.named()})
	})
	return kept, known, failed(err, "keeping the proposal")
}

func insertProposal(t *tx, a Actor, p *Proposal) (err error) {
	p.ProposedBy, p.Address, p.Command = a.Name, a.Address, a.Command
	p.ID, err = t.insert(`INSERT INTO proposals (subject, action, effects, document, digest, state, proposed_at, proposed_by, proposer,
		address, command, expires_at, decided_at, decided_by, reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		p.Subject, p.Action, strings.Join(p.Effects, "\n"), orEmpty(p.Document), p.Digest, string(p.State), millis(p.ProposedAt),
		p.ProposedBy, p.Proposer, p.Address, p.Command, millis(p.ExpiresAt), millis(p.DecidedAt), p.DecidedBy, p.Reason)
	return err
}

// RejectProposal ends a proposal that waits. ErrNotFound; ErrConflict: it does not wait
// any more.
func (s *Store) RejectProposal(ctx context.Context, a Actor, id int64, reason string) (p Proposal, err error) {
	err = s.change(ctx, func(t *tx) error {
		if p, err = decideProposal(t, a, id, ProposalRejected, reason); err != nil {
			return err
		}
		detail := p.named() + "; proposed by " + p.ProposedBy
		if reason != "" {
			detail += "; " + reason
		}
		return t.event(a, "", EventText{Action: "approval-reject", Outcome: "rejected", Detail: detail})
	})
	return p, failed(err, "proposal %d", id)
}

// decideProposal ends a proposal that waits, and forgets its document.
func decideProposal(t *tx, a Actor, id int64, state ProposalState, reason string) (p Proposal, err error) {
	if err := t.row(selectProposal+" WHERE id = ?", id).Scan(p.fields()...); err != nil {
		return p, err
	}
	if p.State != ProposalWaiting || p.Expired(t.now) {
		if p.State == ProposalWaiting {
			p.State = ProposalExpired
		}
		return p, conflict("it is %s", p.State)
	}
	_, err = t.exec("UPDATE proposals SET state = ?, document = x'', decided_at = ?, decided_by = ?, reason = ? WHERE id = ? AND state = 'waiting'",
		string(state), millis(t.now), a.Name, reason, id)
	p.State, p.DecidedAt, p.DecidedBy, p.Reason = state, t.now, a.Name, reason
	return p, err
}

// ExpireProposals writes down which proposals have waited too long, and returns how many.
func (s *Store) ExpireProposals(ctx context.Context) (n int, err error) {
	// A look costs no transaction: there is hardly ever one.
	var due bool
	err = s.point(ctx, "SELECT EXISTS (SELECT 1 FROM proposals WHERE state = 'waiting' AND expires_at <= ?)", []any{millis(s.options.Now())}, &due)
	if err == nil && due {
		err = s.change(ctx, func(t *tx) (err error) { n, err = expireProposals(t); return err })
	}
	return n, failed(err, "ending proposals")
}

func expireProposals(t *tx) (n int, err error) {
	for {
		var p Proposal
		err := t.row(`UPDATE proposals SET state = 'expired', document = x'', decided_at = expires_at
			WHERE id = (SELECT id FROM proposals WHERE state = 'waiting' AND expires_at <= ? ORDER BY id LIMIT 1)
			RETURNING id, action, effects, proposed_by`, millis(t.now)).Scan(&p.ID, &p.Action, (*textLines)(&p.Effects), &p.ProposedBy)
		switch {
		case err == ErrNotFound:
			return n, nil
		case err == nil:
			n++
			err = t.event(Actor{Kind: System}, "", EventText{Action: "approval-expire", Outcome: "expired", Detail: p.named() + "; proposed by " + p.ProposedBy})
		}
		if err != nil {
			return n, err
		}
	}
}
