package commands

import (
	"context"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/enroll/authority"
	"capf/internal/apperr"
	"capf/store"
)

type certDeleteOptions struct {
	removeOptions
	micRoots bool
	purpose  store.Purpose // "" is all trust stores
}

func certDeleteCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "delete", Args: "[ID...]", Short: "remove certificates from the trust stores",
		Role: cmdline.Admin,
		About: `ID is the number in the list, or the beginning of the SHA-256 fingerprint, which
means the certificate in every store unless --purpose names one. Phones whose
certificates chain only to it can no longer authenticate with them.

--mic-roots stands for the four roots of manufacturing certificates, CAP-RTP-001,
CAP-RTP-002, Cisco_Manufacturing_CA and Cisco_Root_CA_2048. They should not stay
in callmanager-trust; in capf-trust they authenticate phones by their MIC.`,
		Example: "capf cert delete --mic-roots --purpose callmanager-trust --yes",
		Output:  cmdline.List, Columns: headings(trustColumns(time.Time{})),
		Flags: append([]cli.Flag{
			&cli.BoolFlag{Name: "mic-roots", Usage: "the roots of manufacturing certificates"},
			&cli.StringFlag{Name: "purpose", Usage: "only in the `STORE`: " + strings.Join(purposeNames(), ", ")},
			bypassFlag(),
		}, removalFlags()...),
		Run: func(c *cli.Context) error {
			o := certDeleteOptions{removeOptions: removal(c), micRoots: c.Bool("mic-roots")}
			switch {
			case o.micRoots && len(o.names) > 0:
				return apperr.Usage("--mic-roots and an ID exclude each other")
			case !o.micRoots && len(o.names) == 0:
				return apperr.WithHint(apperr.Usage("cert delete: ID is missing"), "capf cert list shows the ids; --mic-roots stands for the MIC roots")
			}
			var err error
			if o.purpose, err = purposeOf(c); err != nil {
				return err
			}
			if o.micRoots && o.purpose == "" {
				return apperr.WithHint(apperr.Usage("--mic-roots needs --purpose"),
					"--purpose callmanager-trust; in capf-trust they authenticate phones by their MIC")
			}
			return certDelete(c.Context, env, o)
		},
	}
}

func certDelete(ctx context.Context, env *Env, o certDeleteOptions) error {
	s, err := env.openStore(ctx)
	if err != nil {
		return err
	}
	var found []store.TrustCertificate
	if o.micRoots {
		found, err = authority.MICRoots(ctx, s.Reader, o.purpose)
	} else {
		found, err = findTrust(ctx, s.Reader, o.purpose, o.names)
	}
	if err != nil {
		return err
	}
	if len(found) == 0 {
		env.say("no MIC root is in %s", o.purpose)
		return nothingToRemove(env, o.removeOptions)
	}
	impact, err := trustStores(env, s).ImpactOn(ctx, found, nil)
	if err != nil {
		return err
	}
	sayImpact(env, impact)
	return carryOutRemoval(ctx, env, o.removeOptions, s, removing{counted(len(found), "trust certificate"), "trust certificate",
		func(ctx context.Context, s *store.Store) (int64, error) {
			return int64(len(found)), approvals(env, s).TrustStores().Delete(ctx, found)
		},
		func() error { return showList(env, values(found), trustColumns(env.Now()), "") },
	})
}
