package commands

import (
	"context"
	"fmt"
	"slices"

	"capf/commands/internal/term"
	"capf/crypto"
	"capf/enroll/authority"
	"capf/enroll/settings"
	"capf/internal/serialnumber"
	"capf/store"
)

// certCompromised abandons a CAPF certificate whose key somebody else may have.
func certCompromised(ctx context.Context, env *Env, o certRegenerateOptions) error {
	s, err := env.openStore(ctx)
	if err != nil {
		return err
	}
	capf, err := openCAPF(ctx, env, s)
	if err != nil {
		return err
	}
	c, err := capf.Compromised(ctx)
	if err != nil {
		return err
	}
	if c.TakesOver() && !o.described {
		env.say("the prepared certificate would take its place; if its key may be known too, run capf cert regenerate capf --cancel first")
	}
	if o.dryRun {
		env.say("%s would be revoked, %s would leave the trust stores, and %s would have to enrol again",
			counted(len(c.LSCs), "certificate"), counted(len(c.Trust), "certificate"), counted(len(c.Devices), "device"))
		return showCompromise(env, c, serialnumber.Text(c.Certificate.SerialNumber), crypto.Fingerprint(c.Certificate))
	}
	if err := env.consent(o.yes, "abandon the CAPF key and certificate, revoke %s, and have %s enrol again",
		counted(len(c.LSCs), "certificate"), counted(len(c.Devices), "device")); err != nil {
		return err
	}
	var name *crypto.Name
	if o.named {
		name = &o.name
	}
	keyBits := 0
	if o.described {
		keyBits = o.keyBits
	}
	a, revoked, err := approvals(env, s).CAPF().GiveUp(ctx, name, keyBits)
	if revoked > 0 {
		env.say("revoked %s", counted(revoked, "certificate"))
	}
	if err != nil {
		return err
	}
	if err := awaitListener(ctx, env, s); err != nil {
		return err
	}
	if len(c.Trust) > 0 {
		env.say("%s of the same key left the trust stores", counted(len(c.Trust), "certificate"))
	}
	if err := tellStrangersToLists(ctx, env, s.Reader, c, a.Leaf()); err != nil {
		return err
	}
	env.say("phones, call servers and RADIUS servers must be told to stop trusting the old certificate")
	if c.Certificate.Subject.String() != c.Certificate.Issuer.String() {
		env.say("the old certificate was issued by %q: have it revoked there", c.Certificate.Issuer)
	}
	return showCompromise(env, c, serialnumber.Text(a.Leaf().SerialNumber), crypto.Fingerprint(a.Leaf()))
}

// awaitListener waits until a running serve, which has been told to begin again, shows the
// new certificate.
func awaitListener(ctx context.Context, env *Env, s *store.Store) error {
	service, err := findService(ctx, s.Reader, settings.ServiceCAPF)
	if err != nil || !service.Active {
		return err
	}
	return awaitServers(ctx, env, s.Reader, service)
}

// showCompromise lists the devices that must enroll anew, those first that have
// nothing to authenticate with any more.
func showCompromise(env *Env, c authority.Compromise, serial, fingerprint string) error {
	stranded := func(d store.Device) bool { return d.AuthMode == store.ByLSCPrecedence }
	devices := slices.Clone(c.Devices)
	slices.SortStableFunc(devices, func(a, b store.Device) int {
		switch {
		case stranded(a) == stranded(b):
			return 0
		case stranded(a):
			return -1
		}
		return 1
	})
	names := make([]string, len(devices))
	for i, d := range devices {
		names[i] = d.Name
	}
	err := showObject(env, []field{
		{"Serial", "serial", serial}, {"SHA-256", "fingerprint_sha256", fingerprint},
		{"LSCs revoked", "revoked", len(c.LSCs)}, {"Must enrol again", "", len(devices)}, {"", "must_enrol_anew", names},
	})
	if err != nil || env.Format == term.JSON {
		return err
	}
	for _, d := range devices {
		line := d.Name
		if stranded(d) {
			line += "  (authenticates by its LSC, which is no longer accepted: set another --auth-mode)"
		}
		fmt.Fprintln(env.out, term.OneLine(line))
	}
	if len(devices) > 0 {
		env.say("hint: to schedule them, run capf bulk update --operation install with their names and an --auth-mode other than lsc")
	}
	return nil
}
