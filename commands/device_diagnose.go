package commands

import (
	"context"
	"errors"
	"strings"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/term"
	"capf/enroll"
	"capf/enroll/devices"
	"capf/enroll/diagnosis"
	"capf/internal/apperr"
	"capf/store"
)

func deviceDiagnoseCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "diagnose", Args: "NAME", Short: "say why a phone has no certificate, and what to do next",
		Privilege: cmdline.Look, Role: cmdline.Reader,
		About: `It puts together what is known of the device: what is scheduled, whether phones are
served and the issuer is ready, whether the certificates that the phone has shown
would be accepted now, its LSC, and its last attempts. From that follow the likely
cause and the next command. Several commands are alternatives, the best first.
docs/failures.md has a section on each cause.

If no device has the name, the exit code is 3, but attempts of phones under that
name and devices with similar names are listed.`,
		Example: "capf device diagnose SEP001122334455",
		Output:  cmdline.Object,
		Run:     func(c *cli.Context) error { return deviceDiagnose(c.Context, env, c.Args().First()) },
	}
}

func deviceDiagnose(ctx context.Context, env *Env, name string) error {
	s, err := env.openToAsk(ctx)
	if err != nil {
		return err
	}
	if strings.ContainsAny(name, "*?") {
		return apperr.WithHint(apperr.Usage("%q is not the name of one device", name), "capf device list %s lists those that match", name)
	}
	name = devices.FullName(ctx, s.Reader, name)
	r, err := diagnosis.Examine(ctx, s.Reader, env.Now, name)
	if errors.Is(err, store.ErrNotFound) {
		return diagnoseStranger(ctx, env, s.Reader, name, err)
	}
	if err != nil {
		return err
	}
	return showAttempts(env, diagnosisFields(env, r), r.Attempts)
}

// showAttempts shows the fields, and the attempts below them if there are any.
func showAttempts(env *Env, fields []field, attempts []store.Event) error {
	if len(attempts) == 0 && env.Format != term.JSON {
		return showObject(env, append(fields, field{"Attempts", "", "none that is recorded"}))
	}
	return showDocument(env, fields, "attempts", values(attempts), attemptColumns)
}

// attemptColumns are what a phone did, in events of its device.
var attemptColumns = []column[store.Event]{
	{"Attempt", "at", always, func(e store.Event) any { return e.At }},
	{"From", "address", usual, func(e store.Event) any { return e.Actor.Address }},
	{"Action", "action", seldom, func(e store.Event) any { return e.Action }},
	{"Step", "step", usual, func(e store.Event) any { return e.Step }},
	{"Outcome", "outcome", always, func(e store.Event) any { return e.Outcome }},
	{"Detail", "detail", always, func(e store.Event) any { return term.Message(e.Detail) }},
}

// diagnoseStranger tells what is known of a name that no device has.
func diagnoseStranger(ctx context.Context, env *Env, s *store.Reader, name string, missing error) error {
	u, err := diagnosis.Unknown(ctx, s, name)
	if err != nil {
		return err
	}
	fields := []field{{"Name", "name", u.Name}, {"Device", "", "no device has this name"}, {"", "deleted", u.Deleted}}
	if u.Deleted {
		fields = append(fields, field{"Earlier", "", "a device of this name was deleted"})
	}
	if u.Similar != nil {
		fields = append(fields, field{"Similar", "", u.Similar})
	}
	fields = append(fields, field{"", "similar", u.Similar})
	if err := showAttempts(env, fields, u.Attempts); err != nil {
		return err
	}
	if len(u.Similar) > 0 {
		return apperr.WithHint(missing, "did you mean %s? capf device add %s adds a device", u.Similar[0], name)
	}
	return apperr.WithHint(missing, "capf device add %s --operation install adds it; see %s", name, enroll.OutcomeSection(enroll.ErrUnknownDevice.Error()))
}
