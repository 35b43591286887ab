package commands

import (
	"fmt"
	"strings"

	"capf/commands/internal/term"
	"capf/enroll"
	"capf/enroll/diagnosis"
	"capf/store"
)

// diagnosisFields are the conclusion, and then what it follows from.
func diagnosisFields(env *Env, r *diagnosis.Report) []field {
	fields := append(conclusionFields(env, r), scheduledFields(env, r.Device)...)
	fields = append(fields,
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

// conclusionFields are the device, the likely cause and the next commands.
func conclusionFields(env *Env, r *diagnosis.Report) []field {
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
	return append(fields, field{"", "next", r.Next}, field{"", "see", r.Section})
}

// scheduledFields are what the device is to do, and how its phone has to authenticate.
func scheduledFields(env *Env, d store.Device) []field {
	return []field{
		{"Operation", "", operationWords(d)},
		{"", "operation", d.Operation},
		{"", "completes_by", d.CompletesBy},
		{"Status", "status", d.Status},
		{"Authentication", "", authenticationWords(d)},
		{"", "auth_mode", d.AuthMode},
		{"", "auth_string_set", d.SealedString != nil},
		{"Lock", "", lockWords(env, d)},
		{"", "locked_until", d.LockedUntil},
		{"", "locked_for", string(d.LockedFor)},
		{"", "wrong_strings", d.WrongStrings},
	}
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
