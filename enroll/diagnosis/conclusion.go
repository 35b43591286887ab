package diagnosis

import (
	"fmt"
	"strings"
	"time"

	"capf/enroll"
	"capf/enroll/settings"
	"capf/store"
)

// Conclusion is why the phone has no LSC, or that it has one.
type Conclusion struct {
	Well    bool     // nothing is wrong
	Cause   string   // one line
	Section string   // of docs/failures.md; "" when nothing is wrong
	Next    []string // commands, the best first
	Steps   bool     // each of Next follows the one before it, rather than being another way
	Also    []string // what else is in the way
}

// conclude goes by what has to be mended first. What happened is asked only when nothing
// is known to be in the way.
func (r *Report) conclude() Conclusion {
	if c := r.nothingScheduled(); c != nil {
		return *c
	}
	var first *Conclusion
	for _, look := range []func() *Conclusion{r.notServed, r.refusedByRule, r.addressDeclined, r.waiting, r.refusedCertificate, r.issuerNotReady} {
		switch c := look(); {
		case c == nil:
		case first == nil:
			first = c
		default:
			first.Also = append(first.Also, c.Cause)
		}
	}
	for _, look := range []func() *Conclusion{r.lastFailed, r.notContacted} {
		if first == nil {
			first = look()
		}
	}
	if first != nil {
		return *first
	}
	return Conclusion{Cause: "the operation is under way: the phone has begun it and not yet confirmed it", Section: enroll.OutcomeSection(enroll.ErrLost.Error()),
		Next: []string{r.command("device history")}}
}

func (r *Report) command(verb string, flags ...string) string {
	return strings.Join(append([]string{"capf", verb, r.Device.Name}, flags...), " ")
}

func (r *Report) schedule(flags ...string) string {
	operation := r.Device.Operation
	if operation == store.NoOperation {
		operation = store.Install
	}
	return r.command("device set", append([]string{"--operation", operation.String()}, flags...)...)
}

// nothingScheduled judges a device whose phone has nothing to do.
func (r *Report) nothingScheduled() *Conclusion {
	if r.Device.Operation != store.NoOperation {
		return nil
	}
	section := enroll.OutcomeSection(enroll.ErrNothingScheduled.Error())
	l := r.LSC
	switch {
	case l == nil:
		return &Conclusion{Cause: "it has no LSC, and no operation is scheduled", Section: section, Next: []string{r.schedule()}}
	case l.State == store.LSCRevoked:
		return &Conclusion{Cause: fmt.Sprintf("its LSC %s is revoked (%s), and no operation is scheduled", l.Serial, l.Reason), Section: section, Next: []string{r.schedule()}}
	case r.now.After(l.NotAfter):
		return &Conclusion{Cause: "its LSC expired on " + l.NotAfter.Local().Format(time.DateOnly) + ", and no operation is scheduled", Section: section, Next: []string{r.schedule()}}
	case l.State == store.LSCIssued:
		return &Conclusion{Cause: "an LSC was issued that the phone has not confirmed, and no operation is scheduled", Section: section, Next: []string{r.schedule()}}
	}
	return &Conclusion{Well: true, Cause: "nothing is wrong: the LSC is installed, and nothing is scheduled"}
}

func (r *Report) notServed() *Conclusion {
	if r.Served.OK() {
		return nil
	}
	return &Conclusion{Cause: r.Served.Problem + ": no phone is served", Section: enroll.SectionNotContacted, Next: []string{r.Served.Mend}}
}

// refusedByRule is what the phone would be told whatever it shows.
func (r *Report) refusedByRule() *Conclusion {
	if r.refusal == nil {
		return nil
	}
	return &Conclusion{Cause: r.refusal.Detail, Section: r.refusal.Section(), Next: r.remedies(r.refusal)}
}

func (r *Report) addressDeclined() *Conclusion {
	if r.Declined.Network == "" || r.Device.AuthMode != store.ByString && r.Device.AuthMode != store.ByNullString {
		return nil
	}
	return &Conclusion{Cause: fmt.Sprintf("its address %s is declined until %s after too many wrong strings", r.Declined.Network, r.Declined.Until.UTC().Format(time.RFC3339)),
		Section: enroll.SectionAddress, Next: []string{"capf audit list --action address-decline"}}
}

func (r *Report) waiting() *Conclusion {
	w := r.Waiting
	if w == nil || w.Schedule != r.Device.Schedule {
		return nil
	}
	since := w.CreatedAt.UTC().Format(time.RFC3339)
	if w.Issuer != settings.IssuerOnline {
		return &Conclusion{Cause: fmt.Sprintf("its request %d has waited for the offline CA since %s: export it, have the CA sign it, import the certificate", w.ID, since), Section: enroll.SectionWaiting,
			Next: []string{"capf offline export --out requests.tgz", "capf offline import signed.tgz"}, Steps: true}
	}
	cause := fmt.Sprintf("its request %d has waited for the online CA since %s", w.ID, since)
	if w.State != "" {
		cause += ": " + w.State
	}
	return &Conclusion{Cause: cause, Section: enroll.SectionWaiting, Next: []string{fmt.Sprintf("capf csr show %d", w.ID), "capf online-ca test"}}
}

// refusedCertificate judges by the certificates that the phone has shown, when it is to
// authenticate with one. A phone whose preferred one is refused may have another.
func (r *Report) refusedCertificate() *Conclusion {
	if r.Device.AuthMode != store.ByLSCPrecedence && r.Device.AuthMode != store.ByMICPrecedence || len(r.Certificates) == 0 {
		return nil
	}
	preferred := enroll.KindLSC
	if r.Device.AuthMode == store.ByMICPrecedence {
		preferred = enroll.KindMIC
	}
	worst := r.Certificates[0]
	for _, c := range r.Certificates {
		if c.Kind == preferred {
			worst = c
		}
	}
	if worst.Refusal == nil {
		return nil
	}
	return &Conclusion{Cause: "the certificate with which it would authenticate is not accepted: " + worst.Refusal.Detail,
		Section: worst.Refusal.Section(), Next: r.remedies(worst.Refusal)}
}

func (r *Report) issuerNotReady() *Conclusion {
	if r.Issuer.OK() || r.Device.Operation != store.Install || r.refusal != nil && r.refusal.Cause == store.CACommunicationFailed {
		return nil
	}
	return &Conclusion{Cause: "no LSC can be issued: " + r.Issuer.Problem, Section: enroll.OutcomeSection(enroll.ErrUnreachable.Error()), Next: []string{r.Issuer.Mend}}
}

// lastFailed goes by the last attempt, when nothing is known to be in the way now.
func (r *Report) lastFailed() *Conclusion {
	if r.untried || len(r.Attempts) == 0 {
		return nil
	}
	last := r.Attempts[len(r.Attempts)-1]
	section := enroll.StatusSection(r.Device.Status)
	if section == "" || last.Outcome == "ok" {
		return nil
	}
	cause := "the last attempt failed: " + r.inWords(last)
	why := causeOf(r.Device.Status)
	if why == "" || why == store.CommunicationFailure { // nothing here has to be mended
		cause += "; reset the phone, so that it tries again"
	}
	return &Conclusion{Cause: cause, Section: section,
		Next: r.remedies(&enroll.SessionError{Kind: enroll.ErrDeclined, Cause: why})}
}

// inWords is why an attempt failed. A wrong string is an outcome without a detail.
func (r *Report) inWords(attempt store.Event) string {
	switch n := r.Device.WrongStrings; {
	case attempt.Detail != "":
		return attempt.Detail
	case attempt.Outcome != store.OutcomeWrongString:
		return attempt.Outcome
	case n > 1:
		return fmt.Sprintf("the authentication string was wrong, %d times in a row", n)
	}
	return "the authentication string was wrong"
}

func (r *Report) notContacted() *Conclusion {
	if !r.untried || r.Open != nil {
		return nil
	}
	next := []string{r.command("device history")}
	if r.provisions {
		next = []string{r.command("phone boot", "--provision", fmt.Sprintf("localhost:%d", r.port), "--explain")}
	}
	return &Conclusion{Cause: "the phone has not come since the device was last changed: reset it, so that it contacts CAPF; if it then breaks off before it says its name, the log of serve has its address, with a hint", Section: enroll.SectionNotContacted,
		Next: next}
}
