package commands

import (
	"context"
	"iter"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/term"
	"capf/enroll/caready"
	"capf/enroll/settings"
	"capf/internal/apperr"
	"capf/store"
)

type setOptions struct {
	name  string
	value *string // nil to ask for it
	file  string  // of a secret; "" to ask for it
}

// keepAlive is the parameter that the vendor lets everybody set.
const keepAlive = "keep_alive"

func setCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "set", Exempt: keepAlive, Args: "[PARAMETER] [VALUE]", Short: "set a parameter, or all that a file describes",
		Role:   cmdline.Operator,
		Raises: map[string]cmdline.Needs{"from": {Role: cmdline.Admin}}, // it may set any
		About: `On a terminal, a missing VALUE is asked for. The command says when the change takes
effect. A change of how devices may authenticate lists the affected devices.

The password and the client certificate for an online CA are secrets: they are read
from a file or stdin, or asked for, and the VALUE none removes them. They are
sealed in the database and never shown. The password is valid only for the host and
port for which it was given: another online_ca_hostname or online_ca_port removes
it.

--from takes a file that says how parameters should be: in each line a name and a
value, or a YAML document with version: 1 and, under parameters:, names with values.
For a secret, file:NAME is its value in a line, {file: NAME} in a document; the file
is sought beside the other. All are set, or none, with every problem listed; what
differs is a line on stdout, and the same file again changes nothing. --dry-run exits
with 0 if nothing would change, and with 6 if something would.`,
		Example: "capf set keep_alive 20",
		Output:  cmdline.Object,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "from", Usage: "set what the `FILE` describes (- is stdin)"},
			&cli.BoolFlag{Name: "dry-run", Usage: "with --from: only show what would be done"},
			&cli.StringFlag{Name: "password-file", Usage: "read online_ca_password from `FILE` (- is stdin)"},
			&cli.StringFlag{Name: "file", Usage: "read online_ca_client_certificate, PEM with its private key, from `FILE` (- is stdin)"},
			bypassFlag(),
		},
		Run: func(c *cli.Context) error {
			if from, err := fromChoice(c); err != nil || from != "" {
				if err != nil {
					return err
				}
				return setFrom(c.Context, env, from, c.Bool("dry-run"))
			}
			o := setOptions{name: c.Args().First()}
			if c.Args().Len() > 1 {
				value := c.Args().Get(1)
				o.value = &value
			}
			if err := o.takeFile(c); err != nil {
				return err
			}
			return setParameter(c.Context, env, o)
		},
	}
}

func setParameter(ctx context.Context, env *Env, o setOptions) error {
	p, err := findParameter(o.name)
	if err != nil {
		return err
	}
	if p.Secret {
		return setSecret(ctx, env, p, o)
	}
	if o.value == nil && env.Prompt == nil {
		return apperr.WithHint(apperr.Usage("the VALUE of %s is missing", p.Name), "it takes %s", p.Range)
	}
	s, err := env.openStore(ctx)
	if err != nil {
		return err
	}
	if o.value == nil {
		value, err := askValue(ctx, env, s, p)
		if err != nil {
			return err
		}
		o.value = &value
	}
	c, err := approvals(env, s).Parameters().Set(ctx, p.Name, *o.value)
	if err != nil {
		return err
	}
	if err := sayChange(ctx, env, s, c); err != nil {
		return err
	}
	if c.Name == settings.Port {
		if err := tellOwnAddresses(ctx, env, s.Reader); err != nil {
			return err
		}
	}
	return tellRestart(ctx, env, s.Reader, c.Name)
}

// sayChange reports what setting a parameter did.
func sayChange(ctx context.Context, env *Env, s *store.Store, c settings.Change) error {
	if c.Changed {
		env.say("%s is %s now (was %s), in force %s", c.Name, c.New, c.Old, c.Effect)
	} else {
		env.say("%s is %s already", c.Name, c.New)
	}
	if c.Warning != "" {
		env.warn([]string{c.Warning})
	}
	for _, name := range c.Dropped {
		env.warn([]string{name + " was given for a different host or port, and is removed"})
		env.say("hint: %s", settings.SecretHint(name))
	}
	if err := sayMissing(ctx, env, s, c); err != nil {
		return err
	}
	devices, err := touchedDevices(ctx, env, s, c.Touched)
	if err != nil {
		return err
	}
	if env.Format != term.JSON {
		return showFew(env, devices, touchedColumns, listTouched(c.Touched))
	}
	return documentJSON(env, []field{
		{"", "name", c.Name}, {"", "old", c.Old}, {"", "value", c.New},
		{"", "changed", c.Changed}, {"", "effect", c.Effect}, {"", "warning", c.Warning},
		{"", "dropped", c.Dropped},
	}, "devices", devices, touchedColumns)
}

// sayMissing lists what the online CA still needs, once it has been chosen.
func sayMissing(ctx context.Context, env *Env, s *store.Store, c settings.Change) error {
	if c.Name != settings.Issuer || c.New != settings.IssuerOnline {
		return nil
	}
	missing, err := caready.MissingForIssuer(ctx, s.Reader)
	if err != nil {
		return err
	}
	for _, f := range missing {
		env.say("warning: %s", f.Text)
		env.say("hint: %s", f.Hint)
	}
	return nil
}

// touchedDevices says how many devices a change affects, and yields them.
func touchedDevices(ctx context.Context, env *Env, s *store.Store, t *settings.Touched) (iter.Seq2[store.Device, error], error) {
	if t == nil {
		return values[store.Device](nil), nil
	}
	n, err := s.CountDevices(ctx, t.Filter)
	if err != nil {
		return nil, err
	}
	env.say("%s", t.String(n))
	return s.Devices(ctx, t.Filter), nil
}

// listTouched names the command that lists the devices, if there is one.
func listTouched(t *settings.Touched) string {
	if t == nil || !t.Filter.Scheduled && t.Filter.StringFrom == 0 || t.Filter.AuthMode.String() == "" {
		return ""
	}
	return ": capf device list --auth-mode " + t.Filter.AuthMode.String()
}

// showFew is showList for what goes with another text: on a terminal no more rows than
// leave that text on it.
func showFew[T any](env *Env, rows iter.Seq2[T, error], columns []column[T], rest string) error {
	if !env.screen || env.Wide {
		return showList(env, rows, columns, "")
	}
	all := 0
	first := func(yield func(T, error) bool) {
		for row, err := range rows {
			if all++; (err != nil || all <= previewLines/2) && !yield(row, err) {
				return
			}
		}
	}
	err := showList(env, first, columns, "")
	if hidden := all - previewLines/2; err == nil && hidden > 0 {
		env.say("and %d more%s", hidden, rest)
	}
	return err
}

// touchedColumns are the properties of a device that a change affects.
var touchedColumns = []column[store.Device]{
	{"Device", "name", always, func(d store.Device) any { return d.Name }},
	{"Authentication mode", "auth_mode", usual, func(d store.Device) any { return d.AuthMode }},
	{"Operation", "operation", usual, func(d store.Device) any { return d.Operation }},
	{"Completes by", "completes_by", usual, func(d store.Device) any { return d.CompletesBy }},
}

// askValue asks for the value of a parameter and suggests the one in force.
func askValue(ctx context.Context, env *Env, s *store.Store, p settings.Parameter) (string, error) {
	all, err := settings.Values(ctx, s.Reader)
	if err != nil {
		return "", err
	}
	for _, v := range all {
		if v.Name == p.Name {
			return askUntil(env, p.Name+" ("+p.Range+")", v.Value, p.Check)
		}
	}
	return "", apperr.WithHint(store.ErrNotFound, "capf show lists all parameters")
}
