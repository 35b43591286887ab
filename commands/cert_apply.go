package commands

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/enroll/authority"
	"capf/internal/apperr"
	"capf/internal/document"
)

type certApplyOptions struct {
	applyOptions
	file   string
	strict bool
}

func certApplyCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "apply", Args: "FILE|DIR", Short: "make the trust stores as a document or a folder describes them",
		About: `For a job that seeds the trust stores: the same line again changes nothing. What is
not as described is a line on stdout: + is added, ~ changed, - removed. Certificates
that are not described stay, or go with --prune, which leaves our own CAPF
certificates alone. Nothing is changed unless everything can be. --dry-run exits
with 0 if nothing would change, and with 6 if something would.

A DIR has folders that are called like the trust stores, such as capf-trust, with
one file for each certificate, as for cert upload; beside root.pem, root.yaml may
have its description and what it is for. A FILE is a YAML document, or - for stdin:

  version: 1
  certificates:
    - file: root.pem      # beside the document; or pem: with the text itself
      purposes: [capf-trust, callmanager-trust]
      for: [lsc, https]
      description: the company's root

What is not said about a certificate, for or description, stays as it is, and for a
new one follows from its kind.`,
		Example: "capf cert apply trust.yaml --prune --dry-run",
		Output:  cmdline.Object,
		Role:    cmdline.Admin,
		Flags: append(applyFlags("remove certificates that are not described"),
			&cli.BoolFlag{Name: "strict", Usage: "change nothing if a file of DIR would be skipped"}, bypassFlag()),
		Run: func(c *cli.Context) error {
			return certApply(c.Context, env, certApplyOptions{applyChoice(c), c.Args().First(), c.Bool("strict")})
		},
	}
}

func certApply(ctx context.Context, env *Env, o certApplyOptions) error {
	want, err := desiredTrust(env, o)
	if err != nil {
		return sayProblems(env, o.file, err)
	}
	if len(want) == 0 && o.prune {
		return apperr.WithHint(apperr.Refused("%q describes no certificate, and --prune would empty the trust stores", o.file),
			"capf cert delete removes certificates by their ids")
	}
	s, err := env.openFor(ctx, o.dryRun)
	if err != nil {
		return err
	}
	ctx, stop := env.untilSignal(ctx)
	defer stop()
	agreed := agreement{applyOptions: o.applyOptions, what: "the trust stores"}
	plan, err := approvals(env, s).TrustStores().Apply(ctx, want, o.prune, func(plan authority.TrustPlan) error {
		return agreed.ask(env, showTrustPlan(plan, o.dryRun), "remove %s from the trust stores", counted(plan.Removes(), "certificate"))
	})
	if errors.Is(err, apperr.ErrWaits) {
		return err
	}
	if err != nil {
		return fmt.Errorf("cert apply: %w", sayProblems(env, o.file, err))
	}
	return showTrustPlan(plan, o.dryRun).conclude(env, agreed.shown(env), "certificate")
}

// showTrustPlan is a plan for the operator's eyes.
func showTrustPlan(plan authority.TrustPlan, dryRun bool) applied {
	a := applied{DryRun: dryRun, Same: plan.Same, Impact: plan.Impact, Warnings: plan.Warnings}
	for _, c := range plan.Changes {
		a.add(trustDifference(c))
	}
	for _, c := range plan.Kept {
		d := trustDifference(c)
		d.Change, d.Attributes, d.Reason = "keep", nil, c.Kept
		a.Kept = append(a.Kept, d)
	}
	return a
}

func trustDifference(c authority.TrustChange) difference {
	row := c.After
	d := difference{Change: changes}
	switch {
	case c.Removes():
		row, d.Change = c.Before, removes
	case c.Adds():
		d.Change = adds
	}
	d.Name, d.Purpose, d.Print = row.Subject, string(row.Purpose), fmt.Sprintf("%x", row.Fingerprint)
	if c.Removes() {
		return d
	}
	if c.Before.For != c.After.For || c.Before.Undecided != c.After.Undecided {
		d.Attributes = append(d.Attributes, attribute{"for", c.Before.For.Names(), c.After.For.Names()})
	}
	if c.Before.Description != c.After.Description {
		d.Attributes = append(d.Attributes, attribute{"description", c.Before.Description, c.After.Description})
	}
	return d
}

// desiredTrust reads what a folder or a document wants to be in the trust stores.
func desiredTrust(env *Env, o certApplyOptions) ([]authority.Desired, error) {
	if isFolder(env, o.file) {
		return desiredFolder(env, o)
	}
	data, err := env.readInput(o.file, document.MaxSize)
	if err != nil {
		return nil, err
	}
	return authority.ReadTrustDocument(data, func(name string) ([]byte, error) {
		return env.readInput(beside(o.file, name), certificateLimit)
	})
}

func desiredFolder(env *Env, o certApplyOptions) ([]authority.Desired, error) {
	r := uploadReader{env: env, sidecars: true}
	if err := r.folder(o.file, certUploadOptions{}); err != nil {
		return nil, err
	}
	var skipped document.Problems
	for _, f := range r.read {
		if f.Skipped != "" {
			skipped.Add(0, "%s: %s", f.Name, f.Skipped)
		}
	}
	if o.strict && len(skipped) > 0 {
		return nil, skipped
	}
	want, err := authority.ReadTrustFolder(r.read)
	if err == nil {
		for _, p := range skipped {
			env.say("skipped: %s", p.Text)
		}
	}
	return want, err
}
