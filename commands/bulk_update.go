package commands

import (
	"context"
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/term"
	"capf/enroll/bulk"
	"capf/enroll/devices"
	"capf/internal/apperr"
)

type bulkUpdateOptions struct {
	bulkJob
	generate bool // one string for all
	replace  bool // strings that are in force
	handout  handoutFiles
}

func bulkUpdateCommand(env *Env) cmdline.Command {
	flags := append(bulkFilterFlags(), settingFlags()...)
	return cmdline.Command{
		Name: "update", Args: "[PATTERN]", Short: "change the CAPF settings of many devices",
		Role: cmdline.Operator,
		About: `The filters are those of bulk select; --all selects all devices. All of them
change in one transaction, or none: if a rule forbids the change for one device,
nothing changes, unless --partial skips such devices.

--unique-strings gives each device an authentication string of its own. One that
is in force stays, since it may have been handed out; --replace replaces it. New
strings are printed once, or written to new files that only you can read: --sheet
makes a page with a card for each, to print and to cut up for technicians.
--at creates a job that the running serve carries out at that time; the devices
are selected then, and job show --strings-file writes its unique strings.
--apply-config runs the parameter apply_config_command for each device that has
changed, so that the phone contacts CAPF.`,
		Example: "capf bulk update --lsc-expires-before +90d --operation install --auth-mode auth-string --unique-strings --strings-file strings.csv --yes",
		Output:  cmdline.List,
		Flags: slices.Concat(flags, handoutFlags(), []cli.Flag{
			allFlag(),
			&cli.BoolFlag{Name: "unique-strings", Usage: "make an authentication string for each device that has none in force"},
			&cli.BoolFlag{Name: "replace", Usage: "make one for the others, too: what has been handed out is worth nothing then"},
			&cli.BoolFlag{Name: "generate-string", Usage: "make one new authentication string for all, and print it"},
			&cli.BoolFlag{Name: "partial", Usage: "skip devices for which a rule forbids the change"},
			&cli.BoolFlag{Name: "apply-config", Usage: "run apply_config_command for each device that has changed"},
			atFlag("do it"),
			&cli.BoolFlag{Name: "yes", Usage: "do not ask"},
			&cli.BoolFlag{Name: "dry-run", Usage: "only show each device before and after"},
		}),
		Clears: deviceClears(),
		Run: func(c *cli.Context) error {
			o, err := bulkUpdateChoice(env, c)
			if err != nil {
				return err
			}
			return bulkUpdate(c.Context, env, o)
		},
	}
}

func bulkUpdateChoice(env *Env, c *cli.Context) (o bulkUpdateOptions, err error) {
	if o.bulkJob, err = bulkJobChoice(env, c); err != nil {
		return o, err
	}
	u := &o.update
	if u.Edit, err = deviceEdit(env, c); err != nil {
		return o, err
	}
	u.Edit.UniqueString, u.Partial, u.ApplyConfig = c.Bool("unique-strings"), c.Bool("partial"), c.Bool("apply-config")
	o.generate, o.replace, o.handout = c.Bool("generate-string"), c.Bool("replace"), handoutChoice(c)
	u.Edit.KeepString = u.Edit.UniqueString && !o.replace
	return o, o.check()
}

func (o *bulkUpdateOptions) check() error {
	if err := oneString(o.update.Edit, o.generate); err != nil {
		return err
	}
	switch {
	case o.update.Edit.Empty() && !o.generate:
		return apperr.WithHint(apperr.Usage("nothing to change was given"), "capf bulk update --help lists the settings")
	}
	return checkHandout(o)
}

func bulkUpdate(ctx context.Context, env *Env, o bulkUpdateOptions) error {
	s, err := env.openStore(ctx)
	if err != nil {
		return err
	}
	r, err := sealedDeviceRules(ctx, env, s)
	if err != nil {
		return err
	}
	if o.generate {
		secret, err := r.NewString()
		if err != nil {
			return err
		}
		o.update.Edit.String = &secret
	}
	return forListed(ctx, env, s.Reader, &o.update.Selection.Names, false, func() error { return bulkCarryOut(ctx, env, r, o) })
}

// bulkCarryOut makes the update, now or later, or shows what it would do.
func bulkCarryOut(ctx context.Context, env *Env, r *devices.Rules, o bulkUpdateOptions) error {
	n, err := bulk.Count(ctx, r, o.update.Selection)
	if err != nil {
		return err
	}
	switch {
	case o.at != nil:
		return bulkLater(ctx, env, r, o, n)
	case n == 0:
		env.say(noneSelected)
		if o.dryRun || o.generate || o.update.Edit.UniqueString && o.handout.prints() {
			return emptyList(env) // what they print is a list
		}
		return showNoJob(env)
	case o.dryRun:
		return bulkPreview(ctx, env, r, o)
	}
	if err := sayReplaced(ctx, env, r, o, n); err != nil {
		return err
	}
	if err := env.consent(o.yes, "change %s: %s", counted(n, "device"), term.Message(o.update.Edit.Describe())); err != nil {
		return err
	}
	return bulkNow(ctx, env, r, o)
}

// sayReplaced says, before the question, how many strings the update makes worthless.
func sayReplaced(ctx context.Context, env *Env, r *devices.Rules, o bulkUpdateOptions, n int64) error {
	e := o.update.Edit
	if o.yes || e.String == nil && (!e.UniqueString || e.KeepString) {
		return nil
	}
	without := o.update.Selection
	without.NoString = true
	empty, err := bulk.Count(ctx, r, without)
	if err == nil && n > empty {
		env.say("impact: %s will be replaced; what has been handed out is worth nothing then", counted(n-empty, "authentication string"))
	}
	return err
}

// showString prints one string for all devices.
func showString(env *Env, secret string) error {
	if env.Format == term.Table {
		fmt.Fprintln(env.out, secret)
		return nil
	}
	return showList(env, values([]string{secret}), []column[string]{{"Authentication string", "auth_string", always, func(s string) any { return s }}}, "")
}
