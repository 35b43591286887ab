package commands

import (
	"context"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/term"
	"capf/enroll/lists"
	"capf/internal/apperr"
	"capf/store"
)

type rotateOptions struct {
	lists.Rotation
	cancel, yes, dryRun bool
}

func trustListRotateCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "rotate", Short: "have another key sign the trust lists, in the steps that phones need",
		Role: cmdline.Admin,
		About: `A phone takes a list only if it knows the signer from the one that it has. So a new
key first stands in lists as the second SAST, and signs them later: two steps, and each
run of the command takes the next one.

  1. If there is no spare, or the second key in the lists is the one that
     signed before, a new spare is made, which lists carry at once. The key
     that signed before is forgotten.
  2. The spare signs, and the key that signed until now stands second: at
     --after TIME, by serve itself, or at once with --yes. A phone that has
     fetched no list since the spare was made refuses all later ones then.

The spare of capf trust-list init stands in lists from the first one on, so the first
rotation begins with step 2. Both steps in one hour are refused. With --after, the
command takes step 1, where it is the next one, and plans step 2.

With --new-spare, a new spare takes the place of the present one, whose key may be known
to somebody. If phones refuse lists after step 2, --back has the former key sign again: they know it.
What was planned is shown by capf status until it has happened; --cancel takes it back, and
--after sets another time. A span such as 7d counts from when the step was planned, so
that the same line run twice changes nothing.`,
		Example: "capf trust-list rotate --after 30d",
		Output:  cmdline.Object,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "after", Usage: "`TIME` at which the spare is to sign, such as 30d or 2027-01-31T18:00:00Z"},
			&cli.BoolFlag{Name: "back", Usage: "have the key that signed before sign again"},
			&cli.BoolFlag{Name: "new-spare", Usage: "take step 1, and forget the present spare"},
			&cli.BoolFlag{Name: "cancel", Usage: "take back what was planned with --after"},
			&cli.BoolFlag{Name: "yes", Usage: "do not ask"},
			&cli.BoolFlag{Name: "dry-run", Usage: "only say what would be done"}, bypassFlag(),
		},
		Run: func(c *cli.Context) error {
			o := rotateOptions{cancel: c.Bool("cancel"), yes: c.Bool("yes"), dryRun: c.Bool("dry-run")}
			var err error
			o.Back, o.Fresh = c.Bool("back"), c.Bool("new-spare")
			if o.After, err = afterChoice(c, env, "capf trust-list rotate --yes has the spare sign now"); err != nil {
				return err
			}
			switch {
			case o.Back && o.Fresh:
				return apperr.Usage("--back and --new-spare exclude each other")
			case o.Back && o.After.Set():
				return apperr.Usage("--back and --after exclude each other: going back is done at once")
			case o.cancel && (o.Back || o.Fresh || o.After.Set()):
				return apperr.Usage("--cancel goes with none of --after, --back and --new-spare")
			case o.cancel:
				return trustListStay(c.Context, env, o)
			}
			return trustListRotate(c.Context, env, o)
		},
	}
}

func trustListRotate(ctx context.Context, env *Env, o rotateOptions) error {
	s, err := env.openFor(ctx, o.dryRun)
	if err != nil {
		return err
	}
	before, err := lists.Stand(ctx, s.Reader)
	if err != nil {
		return err
	}
	step, err := before.Step(o.Rotation, env.Now())
	if err != nil {
		return err
	}
	r := rotating{env, before, step, o}
	if err := r.agree(); err != nil {
		return err
	}
	if _, err := approvals(env, s).Lists().Rotate(ctx, o.Rotation); err != nil {
		return err
	}
	if o.dryRun {
		env.say("it would %s", r.what())
		return r.showPlanned()
	}
	return r.tell(ctx, s.Reader)
}

// rotating is a step of a rotation.
type rotating struct {
	env    *Env
	before lists.Standing
	step   lists.Step
	rotateOptions
}

// what says what the step does.
func (r rotating) what() string {
	switch r.step {
	case lists.NewSpare:
		text := "make a new spare"
		if r.before.Spare != nil {
			text += fmt.Sprintf(", and forget the %s, SHA-256 %s", r.second(), r.before.Spare.Fingerprint)
		}
		if r.After.Set() {
			text += "; the spare is to sign " + r.due()
		}
		return text
	case lists.Plan:
		return fmt.Sprintf("have the spare sign trust lists %s, SHA-256 %s", r.due(), r.before.Spare.Fingerprint)
	case lists.Sign:
		return "sign trust lists with the spare now, SHA-256 " + r.before.Spare.Fingerprint
	case lists.GoBack:
		return "sign trust lists with the former key again, SHA-256 " + r.before.Spare.Fingerprint
	}
	return "change nothing: it is planned so already"
}

// second says what the second key in the lists is.
func (r rotating) second() string {
	if r.before.Unfinished() {
		return "key that signed before"
	}
	return "present spare"
}

// due is when the spare is to sign.
func (r rotating) due() string {
	return "from " + r.before.Plan(r.Rotation, r.env.Now()).Due.UTC().Format(time.RFC3339) + " on"
}

// agree says whom the step hurts, and asks whether it is meant. What is planned can be
// taken back, so it needs no consent, unless a key is forgotten.
func (r rotating) agree() error {
	forgets := r.step == lists.NewSpare && r.before.Spare != nil
	switch {
	case r.step == lists.Sign && !r.before.Spare.ListedAt.After(r.before.SignsSince):
		r.env.say("impact: phones with a list of the present key take the next one: the spare was in all of them")
	case r.step == lists.Sign:
		r.env.say("impact: phones that have fetched no list since %s refuse all later ones, until their list is deleted or TVS vouches for the spare", r.before.Spare.ListedAt.UTC().Format(time.RFC3339))
	case forgets && r.before.Unfinished():
		r.env.say("impact: there is no way back to the key that signed until %s; phones that know it and not the present one have to be touched", r.before.Spare.CeasedAt.UTC().Format(time.RFC3339))
	}
	if forgets && r.before.Spare.CopiedAt.IsZero() {
		r.env.say("warning: no copy of the %s has been exported; capf trust-list sast export --spare makes one", r.second())
	}
	if asks := forgets || r.step == lists.Sign || r.step == lists.GoBack; !asks {
		return nil
	}
	hint := "add --yes, or --dry-run to see what it would do"
	if r.step == lists.Sign {
		hint = "add --yes, or --after TIME to have serve do it later, or --dry-run to see what it would do"
	}
	return consentOr(r.env, hint, r.yes || r.dryRun, "%s", r.what())
}

// showPlanned is what programs get from a dry run: the step, and how things stand before it.
func (r rotating) showPlanned() error {
	if r.env.Format != term.JSON {
		return nil
	}
	return showObject(r.env, append([]field{{"", "step", string(r.step)}, {"", "dry_run", true}}, standingFields(r.before)...))
}

// tell says what has been done, and what comes next.
func (r rotating) tell(ctx context.Context, s *store.Reader) error {
	st, err := lists.Stand(ctx, s)
	if err != nil {
		return err
	}
	var next string
	switch {
	case r.step == lists.Nothing:
		r.env.say("unchanged")
	case r.step == lists.NewSpare:
		r.env.say("step 1 of 2: a new spare stands in the lists")
	case r.step == lists.GoBack:
		r.env.say("the former key signs the lists again")
	case r.step == lists.Sign:
		r.env.say("step 2 of 2: the spare signs the lists")
		next = "next: once phones have fetched the list, capf trust-list rotate brings a new spare; capf trust-list rotate --back is the way back until then"
	}
	switch {
	case !st.DueAt.IsZero():
		next = fmt.Sprintf("step 2 of 2 is planned: serve has the spare sign the lists from %s on; until then phones have to fetch one", st.DueAt.UTC().Format(time.RFC3339))
	case r.step == lists.NewSpare:
		next = "next: once phones have fetched the list, capf trust-list rotate --yes has the spare sign, or --after TIME plans it"
	}
	if err := showObject(r.env, append([]field{{"", "step", string(r.step)}, {"", "dry_run", false}}, standingFields(st)...)); err != nil {
		return err
	}
	if next != "" {
		r.env.say("%s", next)
	}
	if r.step == lists.NewSpare {
		sayKeeping(r.env, st)
	}
	return nil
}

// trustListStay takes back what was planned.
func trustListStay(ctx context.Context, env *Env, o rotateOptions) error {
	s, err := env.openFor(ctx, o.dryRun)
	if err != nil {
		return err
	}
	was, err := approvals(env, s).Lists().CancelRotation(ctx)
	switch {
	case err != nil:
		return err
	case !was:
		env.say("nothing is planned")
	case o.dryRun:
		env.say("it would be taken back")
	default:
		env.say("taken back: the present key goes on signing the lists")
	}
	st, err := lists.Stand(ctx, s.Reader)
	if err != nil {
		return err
	}
	return showObject(env, append([]field{{"", "step", "cancel"}, {"", "dry_run", o.dryRun}}, standingFields(st)...))
}
