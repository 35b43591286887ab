package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/term"
	"capf/enroll/bulk"
	"capf/enroll/devices"
	"capf/enroll/jobs"
	"capf/enroll/liveness"
	"capf/internal/apperr"
	"capf/store"
)

type bulkUpdateOptions struct {
	update      bulk.Update
	generate    bool // one string for all
	stringsFile string
	at          *time.Time // nil for at once
	yes, dryRun bool
}

func bulkUpdateCommand(env *Env) cmdline.Command {
	flags := append(filterFlags(), settingFlags()...)
	return cmdline.Command{
		Name: "update", Args: "[PATTERN]", Short: "change the CAPF settings of many devices",
		About: `The filters are those of bulk select; --all stands for no filter. All devices
change in one transaction, or none: one that a rule forbids to change stops it,
unless --partial leaves such devices out.

--unique-strings gives each device an authentication string of its own. The
strings are printed once, or written to a new file that only you can read.
--at makes a job that the running serve carries out at that time; the devices
are selected then. Its unique strings are for job show --strings-file.
--apply-config runs the parameter apply_config_command for each device that has
changed, so that the phone contacts CAPF.`,
		Example: "capf bulk update --lsc-expires-before +90d --operation install --auth-mode auth-string --unique-strings --strings-file strings.csv --yes",
		Output:  cmdline.List,
		Flags: append(flags,
			&cli.BoolFlag{Name: "all", Usage: "select all devices"},
			&cli.BoolFlag{Name: "unique-strings", Usage: "make a new authentication string for each device"},
			&cli.BoolFlag{Name: "generate-string", Usage: "make one new authentication string for all, and print it"},
			&cli.StringFlag{Name: "strings-file", Usage: "write unique strings to the new `FILE`, as CSV, for your eyes only"},
			&cli.BoolFlag{Name: "partial", Usage: "leave out devices that a rule forbids to change"},
			&cli.BoolFlag{Name: "apply-config", Usage: "run apply_config_command for each device that has changed"},
			&cli.StringFlag{Name: "at", Usage: "do it at the `TIME`: 2027:01:31:18:00, RFC 3339, +12h"},
			&cli.BoolFlag{Name: "yes", Usage: "do not ask"},
			&cli.BoolFlag{Name: "dry-run", Usage: "only show each device before and after"},
		),
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
	u := &o.update
	if u.Selection, err = selectionOf(env, c); err != nil {
		return o, err
	}
	if u.Edit, err = deviceEdit(env, c); err != nil {
		return o, err
	}
	u.Edit.UniqueString, u.Partial, u.ApplyConfig = c.Bool("unique-strings"), c.Bool("partial"), c.Bool("apply-config")
	o.generate, o.stringsFile = c.Bool("generate-string"), c.String("strings-file")
	o.yes, o.dryRun = c.Bool("yes"), c.Bool("dry-run")
	if o.at, err = optional(c, "at", env.deadline); err != nil {
		return o, err
	}
	return o, o.check(c.Bool("all"))
}

func (o *bulkUpdateOptions) check(all bool) error {
	if err := oneString(o.update.Edit, o.generate); err != nil {
		return err
	}
	switch {
	case all && !o.update.Selection.Empty():
		return apperr.Usage("--all and a filter exclude each other")
	case !all && o.update.Selection.Empty():
		return apperr.WithHint(apperr.Usage("no filter says which devices"),
			"capf bulk select --help lists the filters; --all selects all devices")
	case o.update.Edit.Empty() && !o.generate:
		return apperr.WithHint(apperr.Usage("nothing to change was given"), "capf bulk update --help lists the settings")
	case o.stringsFile != "" && !o.update.Edit.UniqueString:
		return apperr.Usage("--strings-file is for --unique-strings")
	case o.stringsFile != "" && o.at != nil:
		return apperr.WithHint(apperr.Usage("--strings-file and --at exclude each other: the strings are made when the job runs"),
			"capf job show ID --strings-file FILE, when it has run")
	case o.dryRun && o.at != nil:
		return apperr.Usage("--dry-run and --at exclude each other")
	}
	return nil
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
	n, err := bulk.Count(ctx, r, o.update.Selection)
	if err != nil {
		return err
	}
	switch {
	case o.at != nil:
		return bulkLater(ctx, env, r, o, n)
	case n == 0:
		env.say(noneSelected)
		return emptyList(env)
	case o.dryRun:
		return bulkPreview(ctx, env, r, o)
	}
	if err := env.consent(o.yes, "change %s", counted(n, "device")); err != nil {
		return err
	}
	return bulkNow(ctx, env, r, o)
}

// emptyList is the result of a list command that has no rows.
func emptyList(env *Env) error {
	if env.Format != term.JSON {
		return nil
	}
	_, err := io.WriteString(env.out, "[]\n")
	return err
}

// bulkPreview shows what would change, and ends as the update would.
func bulkPreview(ctx context.Context, env *Env, r *devices.Rules, o bulkUpdateOptions) error {
	out, err := newStrings(env, o) // that it can be made is found out like everything else: it is made, and taken back
	if err == nil {
		err = out.discard()
	}
	if err != nil {
		return err
	}
	runner, end, err := jobRunner(env, r)
	if err != nil {
		return err
	}
	n, refused := runner.Rehearse(ctx, env.actor(), o.update)
	end()
	if refused != nil && n.Refused == 0 {
		return refused
	}
	rows, err := bulk.PreviewUpdate(ctx, r, o.update.Selection, o.update.Edit)
	if err != nil {
		return err
	}
	env.say("%s selected; nothing was changed", counted(n.Selected, "device"))
	if err := showList(env, rows, previewColumns, noneSelected); err != nil || refused != nil {
		return errors.Join(refused, err)
	}
	if n.Refused > 0 {
		return apperr.New(apperr.ErrPartly, "%s of %d would be left out", counted(n.Refused, "device"), n.Selected)
	}
	return nil
}

// bulkLater makes a job of the update.
func bulkLater(ctx context.Context, env *Env, r *devices.Rules, o bulkUpdateOptions, n int64) error {
	if err := consentOr(env, "add --yes; capf bulk select shows the devices", o.yes, "schedule a change of what is %s now", counted(n, "device")); err != nil {
		return err
	}
	j, err := jobs.Schedule(ctx, r, env.actor(), o.update, *o.at)
	if err != nil {
		return err
	}
	env.say("job %d runs at %s; the selection is %s now", j.ID, term.Cell(term.WithZone(j.RunAt)), counted(n, "device"))
	living := func(v store.Server) bool { return liveness.Alive(v, env.Now()) }
	if servers, err := r.Store.Servers(ctx); err == nil && !slices.ContainsFunc(servers, living) {
		env.say("warning: no capf serve runs, which would carry it out; capf job run-due does so too")
	}
	if o.generate {
		return flushSecret(env, showString(env, *o.update.Edit.String), "capf job cancel %d, and once more", j.ID)
	}
	if env.Format == term.Table {
		return nil
	}
	return showList(env, values([]store.Job{j}), jobColumns, "")
}

// showString prints one string for all devices.
func showString(env *Env, secret string) error {
	if env.Format == term.Table {
		fmt.Fprintln(env.out, secret)
		return nil
	}
	return showList(env, values([]string{secret}), []column[string]{{"", "auth_string", func(s string) any { return s }}}, "")
}

func bulkNow(ctx context.Context, env *Env, r *devices.Rules, o bulkUpdateOptions) error {
	out, err := newStrings(env, o)
	if err != nil {
		return err
	}
	ctx, stop := env.untilSignal(ctx)
	defer stop()
	runner, end, err := jobRunner(env, r)
	if err != nil {
		return err
	}
	j, err := runner.RunNow(ctx, env.actor(), o.update, out.sink())
	end()
	if err != nil && j.UpdatedAt.IsZero() {
		return errors.Join(bulkRefused(ctx, env, r, j, err), out.discard())
	}
	env.warn(o.update.Edit.Warnings())
	if err != nil { // broken off, yet the strings are in force
		err = apperr.WithHint(fmt.Errorf("%w; the devices are changed, but the configuration is not applied to all of them", err),
			"the running serve, or capf job run-due, carries on; capf job cancel %d leaves out the rest", j.ID)
		return errors.Join(err, handOut(env, o, j, out))
	}
	env.say("job %d: %s", j.ID, j.Detail)
	if err := handOut(env, o, j, out); err != nil {
		return err
	}
	if j.State != store.JobDone {
		return apperr.WithHint(fmt.Errorf("job %d: %w", j.ID, apperr.ErrPartly), "capf job show %d --problems lists the devices", j.ID)
	}
	return nil
}

// handOut prints the result at once. Strings that are in force and that nobody
// could be shown, since the terminal or the reader has gone, are to be had again.
func handOut(env *Env, o bulkUpdateOptions, j store.Job, out *uniqueStrings) error {
	err := bulkResult(env, o, j, out)
	switch {
	case o.generate:
		return flushSecret(env, err, "capf device show NAME --reveal shows the string of each device")
	case out != nil && out.file == nil:
		return flushSecret(env, err, "capf job show %d --strings-file FILE writes them again", j.ID)
	}
	return err
}

// bulkResult prints what there is to hand out, or the job.
func bulkResult(env *Env, o bulkUpdateOptions, j store.Job, out *uniqueStrings) error {
	switch {
	case o.generate:
		return showString(env, *o.update.Edit.String)
	case out != nil && out.file == nil:
		return showList(env, values(out.made), stringColumns, "no device was changed")
	case env.Format == term.Table:
		return nil
	}
	return showList(env, values([]store.Job{j}), jobColumns, "")
}

// bulkRefused lists the devices because of which nothing was changed.
func bulkRefused(ctx context.Context, env *Env, r *devices.Rules, j store.Job, err error) error {
	if j.ID == 0 || !errors.Is(err, apperr.ErrRefused) {
		return err
	}
	return errors.Join(err, showList(env, r.Store.JobDevices(ctx, j.ID), refusalColumns, ""))
}

var refusalColumns = []column[store.JobDevice]{
	{"Device", "device", func(d store.JobDevice) any { return d.Device }},
	{"Why it cannot be changed", "reason", func(d store.JobDevice) any { return d.Reason }},
}

// previewColumns show each setting before and after.
var previewColumns = []column[bulk.Preview]{
	{"Name", "name", func(p bulk.Preview) any { return p.Before.Name }},
	{"Operation", "operation_before", func(p bulk.Preview) any { return p.Before.Operation }},
	{"→", "operation_after", func(p bulk.Preview) any { return p.After.Operation }},
	{"Authentication", "auth_mode_before", func(p bulk.Preview) any { return p.Before.AuthMode }},
	{"→", "auth_mode_after", func(p bulk.Preview) any { return p.After.AuthMode }},
	{"String set", "auth_string_before", func(p bulk.Preview) any { return p.Before.SealedString != nil }},
	{"→", "auth_string_after", func(p bulk.Preview) any { return p.After.SealedString != nil }},
	{"Completes by", "completes_by_before", func(p bulk.Preview) any { return p.Before.CompletesBy }},
	{"→", "completes_by_after", func(p bulk.Preview) any { return p.After.CompletesBy }},
	{"Other changes", "other_changes", func(p bulk.Preview) any { return otherChanges(p.Before, p.After) }},
	{"Refused", "refused", func(p bulk.Preview) any { return p.Refused }},
}

// otherChanges are those of attributes that have no column in a preview.
func otherChanges(before, after store.Device) []string {
	var all []string
	for _, a := range devices.Attributes() {
		switch a.Name {
		case "operation", "auth_mode", "auth_string", "completes_by":
			continue
		}
		if from, to := a.Of(before), a.Of(after); from != to {
			all = append(all, fmt.Sprintf("%s %s → %s", a.Short, term.Text(from), term.Text(to)))
		}
	}
	return all
}
