package commands

import (
	"context"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/internal/apperr"
	"capf/store"
)

type certSetOptions struct {
	names   []string
	purpose store.Purpose // "" is all trust stores
	edit    store.TrustEdit
}

func certSetCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "set", Args: "ID...", Short: "say what a trust certificate vouches for, or describe it",
		Role: cmdline.Admin,
		About: `ID is the number in the list, or the beginning of the SHA-256 fingerprint, which
means the certificate in every store unless --purpose names one. Only what is
given changes.

` + useHelp + `

The change applies from the next phone on. Delete a certificate that should vouch
for nothing.`,
		Example: "capf cert set 1 --purpose capf-trust --for lsc --for https --description \"the company's root\"",
		Output:  cmdline.List, Columns: headings(trustColumns(time.Time{})),
		Flags: []cli.Flag{
			forFlag(),
			&cli.StringFlag{Name: "description", Usage: "a free `TEXT`"},
			&cli.StringFlag{Name: "purpose", Usage: "only in the `STORE`: " + strings.Join(purposeNames(), ", ")},
			bypassFlag(),
		},
		Clears: []string{"description"},
		Run: func(c *cli.Context) error {
			o := certSetOptions{names: c.Args().Slice()}
			var err error
			if o.purpose, err = purposeOf(c); err != nil {
				return err
			}
			if o.edit.For, err = usesOf(c); err != nil {
				return err
			}
			if o.edit.Description, err = optional(c, "description", verbatim); err != nil {
				return err
			}
			what, err := cmdline.Cleared(c, []string{"description"})
			if err != nil {
				return err
			}
			if what != nil {
				o.edit.Description = new("")
			}
			if o.edit == (store.TrustEdit{}) {
				return apperr.WithHint(apperr.Usage("nothing to change was given"), "--for or --description")
			}
			return certSet(c.Context, env, o)
		},
	}
}

// useHelp says what a certificate of capf-trust can vouch for.
const useHelp = `In capf-trust a certificate vouches only for what --for says: mic for a
manufacturer's CA, under which phones are made with their MICs and SUDIs; lsc for
one that issues LSCs, our own CAPF or a company's CA; foreign-lsc for the CAPF of
another cluster, whose phones move here; https for the web server of the online CA.`

// tvsStores says what the trust stores are for that only TVS reads.
const tvsStores = `Service tvs vouches to phones for the certificates of two stores: as signers of
lists for those in phone-sast-trust, and as servers like itself for those in
tvs-trust. They are for another cluster to which phones move: whoever has a key of
phone-sast-trust can give the phones any list.`

func forFlag() cli.Flag {
	return &cli.StringSliceFlag{Name: "for", Usage: "it vouches for `USE`: " + strings.Join(store.UseNames(), ", ") + "; may be repeated"}
}

// usesOf reads --for, nil when it is not given.
func usesOf(c *cli.Context) (*store.Uses, error) {
	if !c.IsSet("for") {
		return nil, nil
	}
	words := c.StringSlice("for")
	uses, err := store.ParseUses(words...)
	if err != nil {
		return nil, apperr.WithHint(apperr.Usage("--for: %v", err), "%s", cmdline.DidYouMean(strings.Join(words, ","), store.UseNames(), ""))
	}
	return &uses, nil
}

// purposeOf reads a --purpose that narrows the choice, "" when it is not given.
func purposeOf(c *cli.Context) (store.Purpose, error) {
	if !c.IsSet("purpose") {
		return "", nil
	}
	return parsePurpose(c.String("purpose"))
}

func certSet(ctx context.Context, env *Env, o certSetOptions) error {
	s, err := env.openStore(ctx)
	if err != nil {
		return err
	}
	found, err := findTrust(ctx, s.Reader, o.purpose, o.names)
	if err != nil {
		return err
	}
	impact, err := trustStores(env, s).ImpactOn(ctx, found, &o.edit)
	if err != nil {
		return err
	}
	sayImpact(env, impact)
	rows, outcomes, warnings, err := approvals(env, s).TrustStores().Edit(ctx, found, o.edit)
	if err != nil {
		return err
	}
	changed := 0
	for _, outcome := range outcomes {
		if outcome == store.TrustChanged {
			changed++
		}
	}
	env.warn(warnings)
	if changed == 0 {
		env.say("nothing was changed: it is set already")
	} else {
		env.say("changed %s", counted(changed, "trust certificate"))
	}
	return showList(env, values(rows), trustColumns(env.Now()), "")
}
