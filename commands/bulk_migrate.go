package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/files"
	"capf/commands/internal/term"
	"capf/crypto"
	"capf/enroll/authority"
	"capf/enroll/bulk"
	"capf/enroll/devices"
	"capf/internal/apperr"
	"capf/store"
)

type bulkMigrateOptions struct {
	bulkJob
	issuers string // the file for what signed the LSCs; "" for none
	from    string // the file with what signed them in the other cluster
	force   bool
}

func bulkMigrateCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "migrate", Args: "[PATTERN]", Short: "move many devices to another cluster, or receive them from one",
		Role: cmdline.Operator,
		About: `device migrate explains the two halves. Where devices leave, the filters are those of
bulk select, and Delete is scheduled for each that has an LSC, as a job, in one
transaction; --issuers writes the certificates that signed their LSCs into one file,
for the other cluster.

Where they arrive, --from takes that file, and --devices the list of their names, of
which the cluster knows none yet: the certificates go into capf-trust, missing devices
are added, and Install/Upgrade by existing certificate is scheduled for all of them.`,
		Example: "capf bulk migrate --with-pool Berlin --issuers issuers.pem --dry-run",
		Output:  cmdline.List,
		Raises:  map[string]cmdline.Needs{"from": {Role: cmdline.Admin}}, // it changes a trust store
		Flags: slices.Concat(bulkFilterFlags(), []cli.Flag{
			allFlag(),
			&cli.StringFlag{Name: "issuers", Usage: "write the certificates that signed the LSCs to `FILE`, as PEM"},
			&cli.BoolFlag{Name: "force", Usage: "replace an existing FILE"},
			&cli.StringFlag{Name: "from", Usage: "the listed devices come from another cluster, and what signed their LSCs is in `FILE`"},
			&cli.BoolFlag{Name: "partial", Usage: "skip leaving devices for which a rule forbids the change"},
			atFlag("let them leave"),
			bypassFlag(),
		}, removalFlags()),
		Run: func(c *cli.Context) error {
			job, err := bulkJobChoice(env, c)
			if err != nil {
				return err
			}
			o := bulkMigrateOptions{job, c.String("issuers"), c.String("from"), c.Bool("force")}
			o.update.Leave, o.update.Partial = true, c.Bool("partial")
			if err := o.check(); err != nil {
				return err
			}
			if o.from != "" {
				return bulkArrive(c.Context, env, o)
			}
			return bulkLeave(c.Context, env, o)
		},
	}
}

func (o *bulkMigrateOptions) check() error {
	only := bulk.Selection{DeviceFilter: store.DeviceFilter{Names: o.update.Selection.Names}}
	alone := len(only.Names) > 0 && o.update.Selection.Describe() == only.Describe()
	switch {
	case o.from != "" && !alone:
		return apperr.Usage("--from needs --devices, and no filter: the devices are not here yet")
	case o.from != "" && o.issuers != "":
		return apperr.Usage("--from and --issuers exclude each other: devices arrive or leave")
	case o.from != "" && o.update.Partial:
		return apperr.Usage("--from and --partial exclude each other: all listed devices arrive, or none")
	case o.from != "" && o.at != nil:
		return apperr.Usage("--from and --at exclude each other")
	case o.force && o.issuers == "":
		return apperr.Usage("--force is for --issuers")
	}
	return nil
}

func bulkLeave(ctx context.Context, env *Env, o bulkMigrateOptions) error {
	s, err := env.openStore(ctx)
	if err != nil {
		return err
	}
	r := deviceRules(env, s)
	return forListed(ctx, env, s.Reader, &o.update.Selection.Names, false, func() error {
		n, err := bulk.Count(ctx, r, o.update.Selection)
		if err != nil {
			return err
		}
		if n == 0 && o.at == nil {
			env.say(noneSelected)
			if o.dryRun {
				return emptyList(env)
			}
			return showNoJob(env)
		}
		issuers, err := issuersOf(ctx, env, r, o.update.Selection)
		if err != nil {
			return err
		}
		if o.dryRun {
			return rehearseLeaving(ctx, env, r, o, len(issuers))
		}
		if o.at == nil {
			if err := env.consent(o.yes, "schedule Delete for those of %s that have an LSC", counted(n, "device")); err != nil {
				return err
			}
		}
		if err := writeIssuers(env, o, issuers); err != nil {
			return err
		}
		u := bulkUpdateOptions{bulkJob: o.bulkJob}
		if o.at != nil {
			return bulkLater(ctx, env, r, u, n)
		}
		if err := bulkNow(ctx, env, r, u); err != nil {
			return err
		}
		env.say("reset the phones for which Delete is scheduled, wait for Delete Success, and delete their CTL and ITL files")
		return nil
	})
}

// issuersOf returns the certificates that signed the present LSCs of the devices, once each.
// It tells which LSCs are of an issuer that is not known here.
func issuersOf(ctx context.Context, env *Env, r *devices.Rules, sel bulk.Selection) (issuers [][]byte, err error) {
	names, err := selectedNames(ctx, r, sel)
	if err != nil {
		return nil, err
	}
	unknown := map[string]int{}
	for l, err := range r.Store.LSCs(ctx, store.LSCFilter{Devices: names}) {
		if err != nil {
			return nil, err
		}
		if l.DeviceID == 0 || l.State != store.LSCInstalled && l.State != store.LSCIssued {
			continue
		}
		c, err := authority.LSCIssuer(ctx, r.Store.Reader, l)
		switch {
		case errors.Is(err, store.ErrNotFound):
			unknown[l.Issuer]++
		case err != nil:
			return nil, err
		case !slices.ContainsFunc(issuers, func(have []byte) bool { return slices.Equal(have, c.Raw) }):
			issuers = append(issuers, c.Raw)
		}
	}
	for name, n := range unknown {
		env.say("warning: %s signed by %s, whose certificate is not known here", counted(n, "LSC"), name)
	}
	return issuers, nil
}

// writeIssuers writes them before anything is scheduled, so that they are there when the
// LSCs have gone.
func writeIssuers(env *Env, o bulkMigrateOptions, issuers [][]byte) error {
	switch {
	case o.issuers == "" && len(issuers) > 0:
		env.say("note: --issuers FILE writes what signed the LSCs (%s), for phones that keep them", counted(len(issuers), "certificate"))
		return nil
	case o.issuers == "":
		return nil
	case len(issuers) == 0:
		env.say("no device has an LSC whose issuer is known, so %q is not written", o.issuers)
		return nil
	}
	pem := crypto.CertificatePEM(issuers...)
	err := files.File{Door: env.door(), Name: o.issuers, Mode: 0o644, Keep: !o.force}.Write(func(w io.Writer) error {
		_, err := w.Write(pem)
		return err
	})
	if err == nil {
		env.say("wrote %s to %q: there, capf bulk migrate --from %s --devices FILE", counted(len(issuers), "certificate"), o.issuers, o.issuers)
	}
	return err
}

// rehearseLeaving says for which devices Delete would be scheduled.
func rehearseLeaving(ctx context.Context, env *Env, r *devices.Rules, o bulkMigrateOptions, issuers int) error {
	n, err := rehearseJob(ctx, env, r, o.update)
	if err != nil {
		return err
	}
	env.say("Delete would be scheduled for %d of %s; %s signed their LSCs; nothing was changed", n.Changed, counted(n.Selected, "device"), counted(issuers, "certificate"))
	return showRehearsed(ctx, env, r, o.update.Selection, n)
}

// bulkArrive prepares for devices that come from another cluster.
func bulkArrive(ctx context.Context, env *Env, o bulkMigrateOptions) error {
	data, err := env.readInput(o.from, certificateLimit)
	if err != nil {
		return err
	}
	s, err := env.openFor(ctx, o.dryRun)
	if err != nil {
		return err
	}
	names, missing, err := devices.Listed(ctx, s.Reader, o.update.Selection.Names, false)
	if err != nil {
		return err
	}
	if !o.dryRun {
		if err := env.consent(o.yes, "receive %s, of which %d are new here", counted(len(names), "device"), len(missing)); err != nil {
			return err
		}
	}
	n, rows, err := devices.ArriveAll(ctx, deviceRules(env, s), approvals(env, s), names, authority.UploadFile{Name: o.from, Data: data})
	if err != nil {
		return fmt.Errorf("bulk migrate: %w", err)
	}
	for _, r := range rows {
		env.say("%s for %s: %s", r.Subject, r.Purpose, r.Outcome)
	}
	would := ""
	if o.dryRun {
		would = "; nothing was changed"
	}
	env.say("%s: %d added, %d changed, %d as they are; Install/Upgrade by existing certificate%s", counted(len(names), "device"), n.Added, n.Changed, n.Same, would)
	if !o.dryRun {
		env.say("now delete the CTL and ITL files of the phones, point them to this cluster, and reset them")
	}
	if env.Format != term.JSON {
		return nil
	}
	return showObject(env, []field{{"", "devices", len(names)}, {"", "added", n.Added}, {"", "changed", n.Changed}, {"", "same", n.Same}, {"", "dry_run", o.dryRun}})
}
