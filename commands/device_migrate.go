package commands

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/term"
	"capf/crypto"
	"capf/enroll/authority"
	"capf/enroll/devices"
	"capf/store"
)

func deviceMigrateCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "migrate", Args: "NAME", Short: "move a device to another cluster, or receive one from another",
		Role: cmdline.Operator,
		About: `A cluster does not trust the LSCs of another. So before a device leaves, this
command schedules Delete for its LSC. Where the device arrives, --from FILE puts
the certificate that signed its LSC into capf-trust, so that the device can
authenticate with an LSC that it still has, and schedules Install/Upgrade. That is
the first cluster's CAPF certificate, an earlier one, or that of another CA: "capf
lsc export SERIAL --issuer" writes it. The remaining steps are printed.`,
		Example: "capf device migrate SEP001122334455",
		Output:  cmdline.Object,
		Raises:  map[string]cmdline.Needs{"from": {Role: cmdline.Admin}}, // it changes a trust store
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "from", Usage: "the device comes from another cluster, and what signed its LSC is in `FILE`"},
			bypassFlag(),
		},
		Run: func(c *cli.Context) error {
			if c.IsSet("from") {
				return migrateHere(c.Context, env, c.Args().First(), c.String("from"))
			}
			return migrateAway(c.Context, env, c.Args().First())
		},
	}
}

func migrateAway(ctx context.Context, env *Env, name string) error {
	s, err := env.openStore(ctx)
	if err != nil {
		return err
	}
	d, scheduled, err := devices.Leave(ctx, deviceRules(env, s), env.actor(), name)
	if err != nil {
		return err
	}
	lsc, err := devices.PresentLSC(ctx, s.Reader, d)
	if err != nil {
		return err
	}
	switch {
	case scheduled:
		env.say("device %s: Delete is scheduled until %s", d.Name, term.Cell(term.WithZone(d.CompletesBy)))
	case d.Operation == store.Delete:
		env.say("device %s: Delete is scheduled already, until %s", d.Name, term.Cell(term.WithZone(d.CompletesBy)))
	default:
		env.say("device %s has no LSC of ours, so nothing has to be deleted from it", d.Name)
	}
	steps, err := stepsAway(ctx, s.Reader, d, lsc)
	if err != nil {
		return err
	}
	return showMigration(env, d, steps)
}

// stepsAway are what remains to be done for a device that leaves. The other cluster can
// accept its LSC only by the certificate that signed it, which may be an earlier CAPF
// certificate, or that of another CA.
func stepsAway(ctx context.Context, s *store.Reader, d store.Device, lsc *store.LSC) ([]string, error) {
	forget := "delete the CTL file, and the ITL file if there is one, on the phone: they name the servers of this cluster"
	add := fmt.Sprintf("capf device add %s --operation install --auth-mode null-string", d.Name)
	gone := fmt.Sprintf("here, when the phone has moved: capf device delete %s --yes", d.Name)
	if lsc == nil {
		return []string{forget, "there: " + add, gone}, nil
	}
	steps := []string{fmt.Sprintf("reset the phone, so that it contacts CAPF, and wait for Delete Success: capf device show %s", d.Name), forget}
	issuer, err := authority.LSCIssuer(ctx, s, *lsc)
	export := fmt.Sprintf("capf lsc export %s --issuer --out issuer.pem", lsc.Serial)
	arrive := fmt.Sprintf("there, if the phone still has its LSC: capf device migrate %s --from issuer.pem", d.Name)
	switch {
	case errors.Is(err, store.ErrNotFound):
		steps = append(steps, fmt.Sprintf("only if the phone keeps its LSC: have the certificate of its issuer, %s, which is not known here, sent to the other cluster as issuer.pem", lsc.Issuer), arrive)
	case err != nil:
		return nil, err
	case authority.IsCAPFName(issuer):
		steps = append(steps, fmt.Sprintf("write out the CAPF certificate that signed its LSC, %s, for the other cluster: %s", issuer.Subject.CommonName, export), arrive)
	default:
		steps = append(steps, fmt.Sprintf("write out the certificate of the CA that signed its LSC, %s, for the other cluster: %s", crypto.DisplayName(issuer), export),
			arrive+"; where that CA is in capf-trust already: capf cert set ID --for lsc,foreign-lsc")
	}
	return append(steps, "there otherwise: "+add, gone), nil
}

func migrateHere(ctx context.Context, env *Env, name, file string) error {
	data, err := env.readInput(file, certificateLimit)
	if err != nil {
		return err
	}
	s, err := env.openStore(ctx)
	if err != nil {
		return err
	}
	d, rows, err := devices.Arrive(ctx, deviceRules(env, s), approvals(env, s), name, authority.UploadFile{Name: file, Data: data})
	if err != nil {
		return fmt.Errorf("device migrate: %w", err)
	}
	for _, r := range rows {
		env.say("%s for %s: %s", r.Subject, r.Purpose, r.Outcome)
	}
	env.say("device %s: Install/Upgrade by existing certificate is scheduled until %s", d.Name, term.Cell(term.WithZone(d.CompletesBy)))
	return showMigration(env, d, []string{
		"delete the CTL file, and the ITL file if there is one, on the phone, so that it trusts the servers of this cluster",
		"point the phone to the TFTP server of this cluster, and reset it",
		fmt.Sprintf("wait for Upgrade Success: capf device show %s", d.Name),
		fmt.Sprintf("a phone whose LSC was deleted before it left needs: capf device set %s --auth-mode null-string", d.Name),
		"when all devices have arrived, delete the first cluster's certificate: capf cert list --purpose capf-trust, then capf cert delete ID",
	})
}

// showMigration prints what the operator has to do next.
func showMigration(env *Env, d store.Device, steps []string) error {
	if env.Format == term.JSON {
		return showObject(env, []field{{"", "name", d.Name}, {"", "operation", d.Operation}, {"", "completes_by", d.CompletesBy}, {"", "remaining", steps}})
	}
	for i, s := range steps {
		fmt.Fprintf(env.out, "%d. %s\n", i+1, typed(env, term.OneLine(s)))
	}
	return nil
}
