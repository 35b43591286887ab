package approval

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"capf/crypto"
	"capf/enroll/settings"
	"capf/internal/apperr"
	"capf/store"
)

// Desk takes the changes of one operator, in a part for each subject. With the Store of a dry run, nothing is
// proposed: the change does what it would do once it is approved.
type Desk struct {
	Store  *store.Store
	Now    func() time.Time
	Rand   io.Reader
	Keys   func(context.Context) (*crypto.Sealer, error) // opens the master key, for what needs it
	Actor  store.Actor
	Person Person
	// Bypass is why a change is to be carried out without the approval that it needs;
	// empty to wait for that. It has no effect on a change that needs none.
	Bypass string
	Warn   func(text string) // tells the operator what became of Bypass
}

// operation is a change that may need approval, with its inputs, which are its document:
// the names of its exported fields outlive a version of capf. A new one stands in the
// table of operations, has a method of the part of the desk for its subject, and goes
// through Desk.take.
type operation interface {
	// action names it, as in the command that does it.
	action() string
	// subjects are what parameter approve calls it; once carried out, of what has changed.
	subjects() []string
	// carryOut does it, under all rules, and says in words what it has done, a line for
	// each thing: nothing where nothing was to be done. What it says in a dry run is what
	// the approver is shown, and must be the same when it is carried out.
	carryOut(ctx context.Context, d Desk) (effects []string, err error)
}

// hurting is an operation that knows what phones lose by it. That changes every day, so it
// is not among the effects.
type hurting interface {
	impact(ctx context.Context, d Desk) ([]string, error)
}

// operations are all operations, by their actions.
var operations = map[string]func() operation{
	uploadAction:       func() operation { return new(upload) },
	editAction:         func() operation { return new(edit) },
	applyAction:        func() operation { return new(application) },
	deleteAction:       func() operation { return new(deletion) },
	chainAction:        func() operation { return new(chain) },
	regenerateAction:   func() operation { return new(regeneration) },
	giveUpAction:       func() operation { return new(givingUp) },
	showAction:         func() operation { return new(showing) },
	postponeAction:     func() operation { return new(postponement) },
	cancelAction:       func() operation { return new(cancellation) },
	setAction:          func() operation { return new(parameter) },
	secretAction:       func() operation { return new(secret) },
	setFromAction:      func() operation { return new(configuration) },
	listInitAction:     func() operation { return new(listInit) },
	listImportAction:   func() operation { return new(listImport) },
	rotateAction:       func() operation { return new(rotation) },
	stayAction:         func() operation { return new(stay) },
	addMemberAction:    func() operation { return new(memberAddition) },
	deleteMemberAction: func() operation { return new(memberDeletion) },
}

// Waiting is the error of a change that waits for approval.
type Waiting struct {
	Proposal store.Proposal
	Known    bool // it waited already
}

func (w *Waiting) Error() string {
	if w.Known {
		return fmt.Sprintf("%s waits already for another operator's approval, as proposal %d of %s", w.Proposal.Action, w.Proposal.ID, w.Proposal.ProposedBy)
	}
	return fmt.Sprintf("%s waits for another operator's approval, as proposal %d", w.Proposal.Action, w.Proposal.ID)
}

// Unwrap is the kind of the error.
func (w *Waiting) Unwrap() error { return apperr.ErrWaits }

// take carries an operation out, or keeps it as a proposal and returns that as a
// *Waiting. What the rules refuse is refused at once, and what would change nothing needs
// nobody's approval.
func (d Desk) take(ctx context.Context, op operation) error {
	s, err := settings.Read(ctx, d.Store.Reader)
	if err != nil {
		return err
	}
	if _, needed := subjectFor(op, s); !needed && !changesApprove(op) {
		return d.freely(ctx, op)
	}
	effects, err := d.rehearse(ctx, op)
	if err != nil || len(effects) == 0 {
		d.unused(err)
		return err
	}
	if changesApprove(op) && !d.Person.Vouched && d.Bypass == "" {
		return d.Person.mayHaveApproved()
	}
	subject, needed := subjectFor(op, s)
	switch {
	case d.Store.Rehearsing():
		return nil
	case !needed:
		return d.freely(ctx, op)
	}
	p, err := d.proposal(op, subject, effects)
	if err != nil {
		return err
	}
	if d.Bypass != "" {
		return d.bypass(ctx, op, p)
	}
	if err := d.Person.mayPropose(); err != nil {
		return err
	}
	kept, known, err := d.Store.Propose(ctx, d.Actor, p, s.ApprovalWait)
	if err != nil {
		return err
	}
	return apperr.WithHint(&Waiting{kept, known}, "another operator runs: capf approval approve %d", kept.ID)
}

// rehearse says what an operation would do. Each effect is one line, whatever is in the
// names of certificates: the rest of a name would pass for another effect.
func (d Desk) rehearse(ctx context.Context, op operation) ([]string, error) {
	effects, err := op.carryOut(ctx, d.on(d.Store.Rehearsal()))
	for i, effect := range effects {
		effects[i] = inOneLine(effect)
	}
	return effects, err
}

// inOneLine writes what does not print as escapes.
func inOneLine(text string) string {
	var b strings.Builder
	for _, r := range text {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		quoted := strconv.QuoteRuneToASCII(r)
		b.WriteString(quoted[1 : len(quoted)-1])
	}
	return b.String()
}

// bypass carries an operation out at once, and lets everybody know.
func (d Desk) bypass(ctx context.Context, op operation, p store.Proposal) error {
	p.Document, p.Reason = nil, d.Bypass
	_, err := op.carryOut(ctx, d.on(d.Store.Bypassing(d.Actor, p)))
	if err == nil {
		d.Warn(fmt.Sprintf("%s was carried out without the approval that it needs; the record has it, and capf status shows it for %d days", op.action(), BypassShownDays))
	}
	return err
}

// BypassShownDays is for how many days status shows a change that was not approved.
const BypassShownDays = 7

// freely carries an operation out that needs no approval.
func (d Desk) freely(ctx context.Context, op operation) error {
	_, err := op.carryOut(ctx, d)
	d.unused(err)
	return err
}

// unused says that there was nothing to bypass.
func (d Desk) unused(err error) {
	if err == nil && d.Bypass != "" {
		d.Warn("no approval is needed, so --bypass-approval has no effect")
	}
}

// subjectFor is for what an operation needs approval, if it does.
func subjectFor(op operation, s settings.Settings) (subject string, needed bool) {
	all := op.subjects()
	i := slices.IndexFunc(all, s.NeedsApproval)
	if i < 0 {
		return "", false
	}
	return all[i], true
}

func changesApprove(op operation) bool {
	return slices.Contains(op.subjects(), settings.ApproveSubject)
}

// sealed is an operation with a secret in it, which is sealed anew each time: what tells
// it from others is its mark.
type sealed interface{ mark() any }

// proposal is the operation as it is kept.
func (d Desk) proposal(op operation, subject string, effects []string) (store.Proposal, error) {
	document, err := json.Marshal(op)
	inputs := document
	if s, is := op.(sealed); is && err == nil {
		inputs, err = json.Marshal(s.mark())
	}
	if err != nil {
		return store.Proposal{}, fmt.Errorf("writing the proposal down: %w", err)
	}
	digest := sha256.Sum256(fmt.Appendf(nil, "%q %q %q", op.action(), effects, inputs))
	return store.Proposal{Subject: subject, Action: op.action(), Effects: effects, Document: document, Digest: digest[:], Proposer: d.Person.ID}, nil
}

// on is the desk with another door to the database.
func (d Desk) on(s *store.Store) Desk {
	d.Store = s
	return d
}

// Summary is a proposal in one line.
func Summary(p store.Proposal) string {
	switch n := len(p.Effects); n {
	case 0:
		return ""
	case 1:
		return p.Effects[0]
	default:
		return fmt.Sprintf("%s, and %d more", strings.TrimSpace(p.Effects[0]), n-1)
	}
}
