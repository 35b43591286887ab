package commands

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/term"
	"capf/enroll/settings"
	"capf/internal/apperr"
	"capf/store"
)

func showCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "show", Args: "[PARAMETER]", Short: "show parameters, their ranges and defaults",
		Privilege: cmdline.Look, Role: cmdline.Reader,
		Example: "capf show keep_alive",
		Output:  cmdline.List, Columns: headings(parameterColumns),
		Run: func(c *cli.Context) error { return showParameters(c.Context, env, c.Args().First()) },
	}
}

func findParameter(name string) (settings.Parameter, error) {
	p, ok := settings.FindParameter(name)
	if ok {
		return p, nil
	}
	var names []string
	for _, p := range settings.Parameters() {
		names = append(names, p.Name)
	}
	return p, apperr.WithHint(fmt.Errorf("parameter %q: %w", name, store.ErrNotFound),
		"%s", cmdline.DidYouMean(name, names, "capf show lists all parameters"))
}

func showParameters(ctx context.Context, env *Env, name string) error {
	if name != "" {
		p, err := findParameter(name)
		if err != nil {
			return err
		}
		name = p.Name
	}
	s, err := env.question(ctx)
	if err != nil {
		return err
	}
	all, err := settings.Values(ctx, s)
	if err != nil {
		return err
	}
	if name == "" {
		return showList(env, values(all), parameterColumns, "there is no parameter")
	}
	for _, v := range all {
		if v.Name != name {
			continue
		}
		if env.Format == term.CSV || env.Columns != nil {
			return showList(env, values([]settings.Value{v}), parameterColumns, "")
		}
		return showObject(env, append(fieldsOf(parameterColumns, v), field{"Meaning", "", v.Help}))
	}
	return nil
}

// parameterColumns are the properties of a parameter in a list.
var parameterColumns = []column[settings.Value]{
	{"Parameter", "name", always, func(v settings.Value) any { return v.Name }},
	{"Value", "value", always, func(v settings.Value) any { return v.Value }},
	{"Default", "default", usual, func(v settings.Value) any { return v.Default }},
	{"Range", "range", seldom, func(v settings.Value) any { return v.Range }},
	{"A change is in force", "effect", seldom, func(v settings.Value) any { return v.Effect }},
	{"Set", "set", wide, func(v settings.Value) any { return v.Set }},
	{"Meaning", "help", wide, func(v settings.Value) any { return v.Help }},
}
