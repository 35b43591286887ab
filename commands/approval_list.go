package commands

import (
	"encoding/hex"
	"math"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/term"
	"capf/enroll/approval"
	"capf/internal/apperr"
	"capf/internal/input"
	"capf/store"
)

func approvalListCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "list", Short: "list the changes that wait for approval",
		Privilege: cmdline.Look, Role: cmdline.Reader,
		About: `With --all, also those that were approved, rejected, expired, or carried out with
--bypass-approval. The parameter approve says which changes have to wait.`,
		Example: "capf approval list",
		Output:  cmdline.List, Columns: headings(proposalColumns(time.Time{})),
		Flags: []cli.Flag{&cli.BoolFlag{Name: "all", Usage: "also what has been decided"}},
		Run: func(c *cli.Context) error {
			s, err := env.question(c.Context)
			if err != nil {
				return err
			}
			none := "nothing waits for approval"
			if c.Bool("all") {
				none = "nothing has been proposed"
			}
			return showList(env, s.Proposals(c.Context, !c.Bool("all")), proposalColumns(env.Now()), none)
		},
	}
}

// proposalColumns are the properties of a proposal.
func proposalColumns(now time.Time) []column[store.Proposal] {
	return []column[store.Proposal]{
		{"Proposal", "id", always, func(p store.Proposal) any { return p.ID }},
		{"State", "state", usual, func(p store.Proposal) any { return proposalState(p, now) }},
		{"Kind", "subject", seldom, func(p store.Proposal) any { return p.Subject }},
		{"Command", "action", usual, func(p store.Proposal) any { return p.Action }},
		{"Change", "change", always, func(p store.Proposal) any { return term.Message(approval.Summary(p)) }},
		{"Proposed by", "proposed_by", always, func(p store.Proposal) any { return p.ProposedBy }},
		{"Proposed", "proposed_at", usual, func(p store.Proposal) any { return term.WithZone(p.ProposedAt) }},
		{"Expires", "expires_at", usual, func(p store.Proposal) any { return term.WithZone(p.ExpiresAt) }},
		{"Decided", "decided_at", wide, func(p store.Proposal) any { return term.WithZone(p.DecidedAt) }},
		{"Decided by", "decided_by", seldom, func(p store.Proposal) any { return p.DecidedBy }},
		{"Reason", "reason", wide, func(p store.Proposal) any { return term.Message(p.Reason) }},
	}
}

func proposalState(p store.Proposal, now time.Time) string {
	if p.Expired(now) {
		return string(store.ProposalExpired)
	}
	return string(p.State)
}

// proposalFields are a proposal by itself.
func proposalFields(p store.Proposal, now time.Time) []field {
	fields := fieldsOf(proposalColumns(now), p)
	// The lines of the change stand below.
	i := slices.IndexFunc(fields, func(f field) bool { return f.key == "change" })
	fields[i] = field{"", "effects", p.Effects}
	return append(fields,
		field{"From address", "address", p.Address}, field{"Command line", "command", p.Command},
		field{"User id", "proposer_uid", p.Proposer}, field{"", "digest", hex.EncodeToString(p.Digest)})
}

// proposalID reads the id of a proposal.
func proposalID(text string) (int64, error) {
	n, err := input.Number(text, 1, min(1<<53, math.MaxInt))
	if err != nil {
		return 0, apperr.WithHint(apperr.Usage("%q is not the number of a proposal", text), "capf approval list shows them")
	}
	return int64(n), nil
}
