package commands

import (
	"context"
	"errors"
	"fmt"
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

// diagnosisFields are the conclusion, and then what it follows from.
func diagnosisFields(env *Env, r *diagnosis.Report) []field {
	d := r.Device
	fields := []field{{"Name", "name", d.Name}}
	if d.Description != "" {
		fields = append(fields, field{"Description", "description", d.Description})
	}
	likely := "Likely cause"
	if r.Well {
		likely = "Conclusion"
	}
	fields = append(fields, field{likely, "cause", term.Message(r.Cause)}, field{"", "well", r.Well})
	for _, cause := range r.Also {
		fields = append(fields, field{"Besides", "", term.Message(cause)})
	}
	fields = append(fields, field{"", "besides", r.Also})
	for i, command := range r.Next {
		label := "Next"
		switch {
		case i > 0 && r.Steps:
			label = "Then"
		case i > 0:
			label = "Or"
		}
		fields = append(fields, field{label, "", typed(env, command)})
	}
	if r.Section != "" {
		fields = append(fields, field{"See", "", r.Section})
	}
	fields = append(fields, field{"", "next", r.Next}, field{"", "see", r.Section})
	fields = append(fields,
		field{"Operation", "", operationWords(d)},
		field{"", "operation", d.Operation},
		field{"", "completes_by", d.CompletesBy},
		field{"Status", "status", d.Status},
		field{"Authentication", "", authenticationWords(d)},
		field{"", "auth_mode", d.AuthMode},
		field{"", "auth_string_set", d.SealedString != nil},
		field{"Lock", "", lockWords(env, d)},
		field{"", "locked_until", d.LockedUntil},
		field{"", "locked_for", string(d.LockedFor)},
		field{"", "wrong_strings", d.WrongStrings},
		field{"Server", "", partWords(r.Served, "listening")},
		field{"", "served", r.Served.OK()},
		field{"Issuer", "", r.IssuerName + ", " + partWords(r.Issuer, "ready")},
		field{"", "issuer", r.IssuerName},
		field{"", "issuer_ready", r.Issuer.OK()},
		field{"", "issuer_problem", r.Issuer.Problem})
	if v := r.Open; v != nil {
		fields = append(fields, field{"Connected", "", fmt.Sprintf("session %d from %s since %s, %s", v.ID, v.Address, term.Cell(v.Since), v.State.Long())},
			field{"", "session", v.ID}, field{"", "session_state", v.State})
	} else {
		fields = append(fields, field{"", "session", nil}, field{"", "session_state", nil})
	}
	fields = append(fields, waitingFields(r.Waiting)...)
	fields = append(fields, lscFields(env, r.LSC)...)
	return append(fields, shownFields(r)...)
}

func operationWords(d store.Device) string {
	words := d.Operation.Long()
	if d.Operation != store.NoOperation && !d.CompletesBy.IsZero() {
		words += ", to be completed by " + term.Cell(d.CompletesBy)
	}
	return words
}

func authenticationWords(d store.Device) string {
	if d.SealedString == nil {
		return d.AuthMode.Long() + "; no string is set"
	}
	return d.AuthMode.Long() + "; a string is set"
}

func lockWords(env *Env, d store.Device) string {
	switch {
	case d.Locked(env.Now()):
		return fmt.Sprintf("locked until %s (%s)", term.Cell(d.LockedUntil), d.LockedFor)
	case d.WrongStrings > 0:
		return fmt.Sprintf("not locked; %s in a row", counted(d.WrongStrings, "wrong string"))
	}
	return "not locked"
}

func partWords(p diagnosis.Part, ok string) string {
	if p.OK() {
		return ok
	}
	return p.Problem
}

func waitingFields(w *diagnosis.Waiting) []field {
	if w == nil {
		return []field{{"", "waiting_request", nil}, {"", "waiting_since", nil}}
	}
	words := fmt.Sprintf("%d, for %s since %s", w.ID, w.Issuer, term.Cell(w.CreatedAt))
	if w.State != "" {
		words += ": " + w.State
	}
	return []field{{"Waiting request", "", words}, {"", "waiting_request", w.ID}, {"", "waiting_since", w.CreatedAt}}
}

func lscFields(env *Env, l *store.LSC) []field {
	if l == nil {
		return []field{{"LSC", "", "none"}, {"", "lsc_serial", nil}, {"", "lsc_state", nil}, {"", "lsc_not_after", nil}, {"", "lsc_issuer", nil}}
	}
	until := "valid until "
	if env.Now().After(l.NotAfter) {
		until = "expired on "
	}
	return []field{
		{"LSC", "", fmt.Sprintf("%s, %s, %s%s", l.State.Long(), l.Serial, until, term.Cell(l.NotAfter))},
		{"Issued by", "", l.Issuer},
		{"", "lsc_serial", l.Serial}, {"", "lsc_state", l.State}, {"", "lsc_not_after", l.NotAfter}, {"", "lsc_issuer", l.Issuer},
	}
}

// shownFields are the certificates that the phone has shown, and whether they would be
// accepted now.
func shownFields(r *diagnosis.Report) (fields []field) {
	seen := map[enroll.CertificateKind]bool{}
	for _, c := range r.Certificates {
		kind, verdict := string(c.Kind), "would be accepted"
		seen[c.Kind] = true
		refusal := ""
		if c.Refusal != nil {
			refusal = c.Refusal.Detail
			verdict = "would be declined: " + refusal
		}
		fields = append(fields,
			field{strings.ToUpper(kind) + " of the phone", "", fmt.Sprintf("%s, until %s, seen %s", c.Certificate.Subject.CommonName, term.Cell(c.Certificate.NotAfter), term.Cell(c.SeenAt))},
			field{" ", "", verdict},
			field{"", "phone_" + kind + "_subject", c.Certificate.Subject.String()},
			field{"", "phone_" + kind + "_not_after", c.Certificate.NotAfter},
			field{"", "phone_" + kind + "_seen_at", c.SeenAt},
			field{"", "phone_" + kind + "_accepted", c.Refusal == nil},
			field{"", "phone_" + kind + "_refusal", refusal})
	}
	for _, kind := range []enroll.CertificateKind{enroll.KindLSC, enroll.KindMIC} {
		if seen[kind] {
			continue
		}
		fields = append(fields, field{strings.ToUpper(string(kind)) + " of the phone", "", "never shown"})
		for _, key := range []string{"subject", "not_after", "seen_at", "accepted", "refusal"} {
			fields = append(fields, field{"", fmt.Sprintf("phone_%s_%s", kind, key), nil})
		}
	}
	return fields
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
