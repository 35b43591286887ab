package approval

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"capf/internal/apperr"
	"capf/internal/backoff"
	"capf/store"
)

// mostAttempts is how often an approval begins anew because an operator has changed
// something meanwhile.
const mostAttempts = 5

// Approve carries a proposal out, if it may be: all rules are asked again, it must still
// do what it would have done when it was proposed, and nothing that an operator does may
// come between that and the transaction in which it is done. apperr.ErrRefused says what
// stands against it; store.ErrNotFound.
func (d Desk) Approve(ctx context.Context, id int64) (p store.Proposal, err error) {
	for range mostAttempts {
		if p, err = d.approve(ctx, id); !errors.Is(err, store.ErrConflict) {
			break
		}
	}
	return p, err
}

func (d Desk) approve(ctx context.Context, id int64) (store.Proposal, error) {
	seen, err := d.Store.ChainEnd(ctx)
	if err != nil {
		return store.Proposal{}, err
	}
	p, op, err := d.examine(ctx, id)
	if err != nil {
		return p, err
	}
	_, err = op.carryOut(ctx, d.on(d.Store.Approving(d.Actor, id, seen.ID)))
	return p, err
}

// Examine says whether Approve would carry a proposal out, and what phones would lose by
// it. It changes nothing.
func (d Desk) Examine(ctx context.Context, id int64) (p store.Proposal, impact []string, err error) {
	p, op, err := d.examine(ctx, id)
	if h, hurts := op.(hurting); hurts {
		impact, err = h.impact(ctx, d)
	}
	return p, impact, err
}

func (d Desk) examine(ctx context.Context, id int64) (store.Proposal, operation, error) {
	p, err := d.Store.Proposal(ctx, id)
	if err != nil {
		return p, nil, err
	}
	switch {
	case p.Expired(d.Now()):
		return p, nil, apperr.WithHint(apperr.Refused("proposal %d has expired", id), "the change has to be proposed again")
	case p.State != store.ProposalWaiting:
		return p, nil, apperr.Refused("proposal %d is %s already, by %s", id, p.State, p.DecidedBy)
	}
	if err := d.Person.mayApprove(p); err != nil {
		return p, nil, err
	}
	op, err := read(p)
	if err != nil {
		return p, nil, err
	}
	effects, err := d.rehearse(ctx, op)
	again := fmt.Sprintf("capf approval reject %d, and propose the change again", id)
	switch {
	case err != nil:
		return p, nil, fmt.Errorf("proposal %d: %w", id, err)
	case len(effects) == 0:
		return p, nil, apperr.WithHint(apperr.Refused("proposal %d has nothing left to do: it is so already", id), "capf approval reject %d", id)
	case !slices.Equal(effects, p.Effects):
		return p, nil, apperr.WithHint(apperr.Refused("proposal %d would do something else now: %s; when it was proposed: %s",
			id, strings.Join(effects, "; "), strings.Join(p.Effects, "; ")), "%s", again)
	}
	return p, op, nil
}

// read is the operation of a proposal.
func read(p store.Proposal) (operation, error) {
	made := operations[p.Action]
	if made == nil {
		return nil, apperr.Refused("proposal %d is a change that this version of capf does not know: %s", p.ID, p.Action)
	}
	op := made()
	if err := json.Unmarshal(p.Document, op); err != nil {
		return nil, fmt.Errorf("reading proposal %d: %w", p.ID, err)
	}
	return op, nil
}

// Reject ends a proposal that waits. Whoever proposed it may take it back so.
func (d Desk) Reject(ctx context.Context, id int64, reason string) (store.Proposal, error) {
	p, err := d.Store.RejectProposal(ctx, d.Actor, id, reason)
	if errors.Is(err, store.ErrConflict) {
		return p, apperr.Refused("proposal %d does not wait any more: it is %s", id, p.State)
	}
	return p, err
}

// Watch writes down which proposals have waited too long, until ctx ends. Nobody can
// approve those meanwhile; it is for the record.
func Watch(ctx context.Context, s *store.Store, log *slog.Logger) {
	failures := backoff.Backoff{Log: log, Doing: "ending proposals that have waited too long"}
	failures.Repeat(ctx, time.Minute, func(ctx context.Context) error {
		_, err := s.ExpireProposals(ctx)
		return err
	})
}
