package commands

import (
	"context"
	"errors"
	"time"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/enroll/lists"
)

// listedSAST is a key that stands in trust lists, with its place.
type listedSAST struct {
	lists.SAST
	place lists.Place
	due   time.Time // when it is to sign
	since time.Time // since when it signs
}

func sastListCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "list", Short: "list the keys that sign trust lists, and when they do",
		Privilege: cmdline.Look, Role: cmdline.Reader,
		Example: "capf trust-list sast list --json",
		Output:  cmdline.List, Columns: headings(sastColumns(time.Time{})),
		Run: func(c *cli.Context) error { return sastList(c.Context, env) },
	}
}

func sastList(ctx context.Context, env *Env) error {
	s, err := env.question(ctx)
	if err != nil {
		return err
	}
	st, err := lists.Stand(ctx, s)
	if err != nil && !errors.Is(err, lists.ErrNone) {
		return err
	}
	var rows []listedSAST
	if err == nil {
		rows = append(rows, listedSAST{st.Signer, lists.SignerPlace, time.Time{}, st.SignsSince})
		if st.Spare != nil {
			rows = append(rows, listedSAST{*st.Spare, lists.SparePlace, st.DueAt, time.Time{}})
		}
	}
	return showList(env, values(rows), sastColumns(env.Now()), "there are no keys for trust lists; capf trust-list init makes them")
}

// sastColumns are the properties of a key in a list.
func sastColumns(now time.Time) []column[listedSAST] {
	return []column[listedSAST]{
		{"Place", "place", always, func(k listedSAST) any { return string(k.place) }},
		{"Subject", "subject", always, func(k listedSAST) any { return k.Certificate.Subject.String() }},
		{"Valid until", "not_after", usual, func(k listedSAST) any { return k.Certificate.NotAfter }},
		{"Days left", "days_left", seldom, func(k listedSAST) any { return daysLeft(now, k.Certificate.NotAfter) }},
		{"In lists since", "listed_at", usual, func(k listedSAST) any { return k.ListedAt }},
		{"Signs since", "signs_since", wide, func(k listedSAST) any { return orNone(k.since) }},
		{"Signs from", "signs_from", usual, func(k listedSAST) any { return orNone(k.due) }},
		{"Signed until", "signed_until", usual, func(k listedSAST) any { return orNone(k.CeasedAt) }},
		{"Copied", "copied_at", usual, func(k listedSAST) any { return orNone(k.CopiedAt) }},
		{"SHA-256", "fingerprint_sha256", wide, func(k listedSAST) any { return k.Fingerprint }},
	}
}
