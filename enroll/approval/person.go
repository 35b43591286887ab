package approval

import (
	"capf/enroll/settings"
	"capf/internal/apperr"
	"capf/store"
)

// Person is who runs a command.
type Person struct {
	Name    string
	ID      int64 // the user id
	Vouched bool  // sshd or sudo says so, not only the caller
}

// mayPropose refuses one of whom nobody could tell later that the approver is another.
func (p Person) mayPropose() error {
	if p.Vouched {
		return nil
	}
	return apperr.WithHint(apperr.Refused("another operator has to approve this, and nobody vouches for who proposes it: neither sshd nor sudo says who %s is", p.Name),
		"log in as yourself, or use sudo; --bypass-approval REASON does it without approval, and is seen")
}

// mayHaveApproved refuses one who would have changes wait for approval, and whose own could
// never be approved then, not even the way back.
func (p Person) mayHaveApproved() error {
	return apperr.WithHint(apperr.Refused("%s is about who approves whose changes, and nobody vouches for who you are: neither sshd nor sudo says who %s is", settings.Approve, p.Name),
		"log in as yourself, or use sudo")
}

// mayApprove refuses one who is not another operator than the proposer. Who can become
// root can be anybody, so root is nobody in particular.
func (p Person) mayApprove(proposal store.Proposal) error {
	switch {
	case !p.Vouched:
		return apperr.WithHint(apperr.Refused("nobody vouches for who you are: neither sshd nor sudo says who %s is, so you do not count as another operator", p.Name),
			"log in as yourself, or use sudo")
	case p.ID == proposal.Proposer && p.Name == proposal.ProposedBy:
		return apperr.WithHint(apperr.Refused("proposal %d is your own, %s: another operator has to approve it", proposal.ID, p.Name), "capf approval reject %d takes it back", proposal.ID)
	case p.ID == proposal.Proposer:
		return apperr.Refused("proposal %d is your own: %s and %s have the same user id %d, so another operator has to approve it", proposal.ID, proposal.ProposedBy, p.Name, p.ID)
	case p.ID == 0:
		return apperr.WithHint(apperr.Refused("root does not count as another operator: anybody may be root"), "log in as yourself, and use sudo")
	}
	return nil
}
