package commands

import (
	"context"
	"crypto/x509"
	"errors"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"capf/enroll/authority"
	"capf/enroll/settings"
	"capf/internal/apperr"
	"capf/internal/input"
	"capf/store"
)

// afterFlag is the flag of commands that prepare a CAPF certificate.
func afterFlag(what string) cli.Flag {
	return &cli.StringFlag{Name: "after", Usage: "`TIME` " + what + " the prepared certificate, such as 7d or 2027-01-31T18:00:00Z (default: when you say so)"}
}

// afterChoice reads when something that is prepared is to be done: a span from then, or a
// time. Now is the hint for who wants it at once.
func afterChoice(c *cli.Context, env *Env, now string) (authority.Delay, error) {
	return parsed(c, "after", func(s string) (authority.Delay, error) {
		now := env.Now().UTC() // where a day has 24 hours
		if then, err := input.Time("+"+strings.TrimPrefix(s, "+"), now); err == nil && then.After(now) {
			return authority.Delay{Span: then.Sub(now)}, nil
		}
		at, err := env.deadline(s)
		if err == nil && !at.After(env.Now()) {
			err = apperr.WithHint(apperr.Usage("%q is not in the future", s), "%s", now)
		}
		return authority.Delay{At: at}, err
	})
}

// shownNow is how a prepared certificate is shown at once.
const shownNow = "the second run with --yes shows the prepared certificate now"

// preparedCertificate is the CAPF certificate that is prepared, for the second run of the
// command that has prepared it.
type preparedCertificate struct {
	env *Env
	s   *store.Store
	store.Prepared
	leaf *x509.Certificate
}

func (p preparedCertificate) tell() {
	p.env.say("a CAPF certificate is prepared since %s, to be shown %s: %s", p.Since.UTC().Format(time.RFC3339), p.When(), p.leaf.Subject)
}

// show has serve show the prepared certificate now, and prints it.
func (p preparedCertificate) show(ctx context.Context, o certRegenerateOptions) error {
	if err := p.showNow(ctx, o.yes, o.dryRun); err != nil || o.dryRun {
		return err
	}
	return showObject(p.env, newCertificateFields(p.leaf))
}

func (p preparedCertificate) showNow(ctx context.Context, yes, dryRun bool) error {
	p.tell()
	if err := tellUnreached(ctx, p.env, p.s.Reader, p.Since); err != nil {
		return err
	}
	if err := consentOr(p.env, "add --yes to show it now, --after to set the time, or --cancel", yes || dryRun, "show the prepared CAPF certificate now"); err != nil {
		return err
	}
	if _, err := approvals(p.env, p.s).CAPF().Show(ctx); err != nil {
		return err
	}
	if dryRun {
		p.env.say("it would be shown now")
		return nil
	}
	p.env.say(previousKept)
	return awaitListener(ctx, p.env, p.s)
}

// postpone sets another time. A span may have passed already, and then shows the
// certificate.
func (p preparedCertificate) postpone(ctx context.Context, o certRegenerateOptions) error {
	if span := o.after.Span; span > 0 && !p.Since.Add(span).After(p.env.Now()) {
		p.env.say("the certificate is prepared for longer than that already")
		return p.show(ctx, o)
	}
	changed, err := approvals(p.env, p.s).CAPF().Postpone(ctx, o.after)
	switch {
	case err != nil:
		return err
	case !changed:
		p.env.say("unchanged")
	case o.dryRun:
		p.env.say("the time would be changed; it is to be shown %s now", p.When())
		return nil
	}
	return tellPrepared(ctx, p.env, p.s.Reader)
}

func (p preparedCertificate) cancel(ctx context.Context, o certRegenerateOptions) error {
	p.tell()
	if err := p.env.consent(o.yes || o.dryRun, "give the prepared CAPF certificate up"); err != nil {
		return err
	}
	_, err := approvals(p.env, p.s).CAPF().Cancel(ctx)
	switch {
	case err != nil:
		return err
	case o.dryRun:
		p.env.say("it would be given up")
	default:
		p.env.say("it is given up: trust lists carry it no more, and phones go on with the present one")
	}
	return nil
}

// tellPrepared prints the certificate that is prepared, and says what happens with it.
func tellPrepared(ctx context.Context, env *Env, s *store.Reader) error {
	p, leaf, err := authority.PreparedNow(ctx, s)
	if err != nil || p == nil {
		return err
	}
	if err := sayPrepared(ctx, env, s); err != nil {
		return err
	}
	return showObject(env, append(newCertificateFields(leaf), preparedFields(*p)...))
}

func sayPrepared(ctx context.Context, env *Env, s *store.Reader) error {
	p, _, err := authority.PreparedNow(ctx, s)
	if err != nil || p == nil {
		return err
	}
	env.say("it is prepared: trust lists carry it, while serve goes on to show the present one")
	if p.ShownAfter.IsZero() {
		env.say("once phones have fetched the new list, as they do when they boot: capf cert regenerate capf --yes shows it")
	} else {
		env.say("serve shows it by itself %s", p.When())
	}
	return tellUnreached(ctx, env, s, p.Since)
}

func preparedFields(p store.Prepared) []field {
	return []field{{"Prepared", "prepared_since", p.Since}, {"Shown after", "shown_after", orNone(p.ShownAfter)}}
}

// orNone is a time, or nothing.
func orNone(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t
}

// tellUnreached says which phones do not know a certificate that is prepared.
func tellUnreached(ctx context.Context, env *Env, s *store.Reader, since time.Time) error {
	tvs, err := findService(ctx, s, settings.ServiceTVS)
	switch {
	case errors.Is(err, store.ErrNotFound), err == nil && !tvs.Active:
		env.say("impact: phones that have fetched no trust list since %s cannot enrol once it is shown, until they boot; capf service activate tvs vouches for it meanwhile", since.UTC().Format(time.RFC3339))
		return nil
	}
	return err
}
