package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/files"
	"capf/commands/internal/shell"
	"capf/enroll/settings"
	"capf/internal/apperr"
	"capf/internal/document"
	"capf/store"
)

// setFrom makes the parameters as a file describes them.
func setFrom(ctx context.Context, env *Env, file string, dryRun bool) error {
	want, err := describedParameters(env, file)
	if err != nil {
		return sayProblems(env, file, err)
	}
	s, err := env.openFor(ctx, dryRun)
	if err != nil {
		return err
	}
	a := applied{DryRun: dryRun}
	plan, err := approvals(env, s).Parameters().SetAll(ctx, want, func(plan settings.Plan) error {
		if a.Impact != nil || a.Warnings != nil {
			return nil // said already
		}
		if err := a.tell(ctx, s.Reader, plan); err != nil {
			return err
		}
		sayImpact(env, a.Impact)
		env.warn(a.Warnings)
		return nil
	})
	if errors.Is(err, apperr.ErrWaits) {
		return err
	}
	if err != nil {
		return fmt.Errorf("set: %w", sayProblems(env, file, err))
	}
	a.Same = plan.Same
	for _, c := range plan.Changes {
		a.add(parameterDifference(c))
	}
	if err := a.conclude(env, false, "parameter"); err != nil {
		return err
	}
	return sayInForce(ctx, env, s, plan)
}

// tell notes what the changes do to devices, and what there is to warn of.
func (a *applied) tell(ctx context.Context, s *store.Reader, plan settings.Plan) error {
	for _, c := range plan.Changes {
		if c.Warning != "" {
			a.Warnings = append(a.Warnings, c.Warning)
		}
		for _, name := range c.Dropped {
			a.Warnings = append(a.Warnings, name+" was given for a different host or port, and is removed")
		}
		if c.Touched == nil {
			continue
		}
		n, err := s.CountDevices(ctx, c.Touched.Filter)
		if err != nil {
			return err
		}
		if n > 0 {
			a.Impact = append(a.Impact, c.Touched.String(n))
		}
	}
	return nil
}

func parameterDifference(c settings.Change) difference {
	d := difference{Change: changes, Name: c.Name, Attributes: []attribute{{"value", c.Old, c.New}}}
	if p, ok := settings.FindParameter(c.Name); ok && p.Secret {
		d.Attributes = []attribute{{Name: "value"}}
	}
	return d
}

// sayInForce says when the changes take effect, and what is still missing.
func sayInForce(ctx context.Context, env *Env, s *store.Store, plan settings.Plan) error {
	for _, c := range plan.Changes {
		env.say("%s is in force %s", c.Name, c.Effect)
		if err := sayMissing(ctx, env, s, c); err != nil {
			return err
		}
		if err := tellRestart(ctx, env, s.Reader, c.Name); err != nil {
			return err
		}
	}
	return nil
}

func describedParameters(env *Env, file string) ([]settings.Described, error) {
	data, err := env.readInput(file, document.MaxSize)
	if err != nil {
		return nil, err
	}
	want, err := settings.Describe(data, func(parameter, name string) ([]byte, error) {
		name = beside(file, name)
		if parameter == settings.OnlineCertificate {
			return env.readInput(name, certificateLimit)
		}
		line, err := env.readSecret(name)
		return []byte(line), err
	})
	if err != nil || env.confined == nil {
		return want, err
	}
	program := slices.IndexFunc(want, func(d settings.Described) bool {
		p, ok := settings.FindParameter(d.Name)
		return ok && shell.NamesProgram(p)
	})
	if program >= 0 {
		return nil, files.Forbidden("%s names a program, so it cannot be set in this shell", want[program].Name)
	}
	return want, nil
}

// fromChoice reads --from, "" when it is not given, and refuses what does not go with
// it.
func fromChoice(c *cli.Context) (file string, err error) {
	file = c.String("from")
	switch {
	case file == "" && c.IsSet("from"):
		return "", apperr.Usage("--from needs a FILE")
	case file != "" && (c.Args().Present() || c.IsSet("password-file") || c.IsSet("file")):
		return "", apperr.Usage("--from excludes a PARAMETER, --password-file and --file")
	case file == "" && c.Bool("dry-run"):
		return "", apperr.Usage("--dry-run needs --from")
	case file == "" && !c.Args().Present():
		return "", apperr.WithHint(apperr.Usage("set: PARAMETER is missing"), "usage: capf set PARAMETER [VALUE], or capf set --from FILE; capf show lists the parameters")
	}
	return file, nil
}
