// Command testca runs a throw-away online CA on this machine, to try the
// online-ca issuer without a Windows or EST server:
//
//	TESTCA_PASSWORD=secret go run ./scripts/testca -type microsoft -user phones -ca-out ca.pem
//
// It prints where it listens and runs until it is interrupted. Its keys exist
// only in memory; never trust its certificate outside a demonstration.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"capf/enroll/onlineca/catest"
	"capf/scripts/driver"
)

type options struct {
	kind, listen, user, schemes, protection  string
	language, templates, outcome, label, out string
	minBits, waits                           int
	delay, manager                           time.Duration
}

const usage = `Usage: go run ./scripts/testca [flags]

Runs a throw-away online CA until it is interrupted.

Flags:
`

func main() { driver.Main("testca", run) }

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	flags := driver.Flags("testca", usage, stderr)
	flags.StringVar(&o.kind, "type", "microsoft", "microsoft or est")
	flags.StringVar(&o.listen, "listen", "127.0.0.1:0", "address and port; port 0 picks a free one")
	flags.StringVar(&o.user, "user", "", "user name that may log in, anyone if empty; the password is in TESTCA_PASSWORD")
	flags.StringVar(&o.schemes, "schemes", "NTLM,Basic", "logins that are offered")
	flags.StringVar(&o.protection, "extended-protection", "", "allowed or required")
	flags.StringVar(&o.language, "language", "en", "en, fr or ja (microsoft)")
	flags.StringVar(&o.templates, "templates", "", "names of the templates that exist, any if empty (microsoft)")
	flags.StringVar(&o.outcome, "outcome", "issue", "issue, pend, deny, broken, away or strange (microsoft)")
	flags.StringVar(&o.label, "label", "", "label in the path (est)")
	flags.StringVar(&o.out, "ca-out", "", "file for the root and the issuing certificate, PEM")
	flags.IntVar(&o.minBits, "min-bits", 0, "smallest key that is accepted")
	flags.IntVar(&o.waits, "waits", 0, "how often a request is answered with 202 first (est)")
	flags.DurationVar(&o.delay, "delay", 0, "before every answer")
	flags.DurationVar(&o.manager, "manager", 0, "after how long the manager issues pending requests; 0: never (microsoft)")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if o.kind != "microsoft" && o.kind != "est" {
		return o, fmt.Errorf("type is %q, neither microsoft nor est", o.kind)
	}
	return o, nil
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	password := os.Getenv("TESTCA_PASSWORD")
	if o.user != "" && password == "" {
		return fmt.Errorf("TESTCA_PASSWORD is empty")
	}
	ca, err := catest.NewCA(catest.Options{})
	if err != nil {
		return fmt.Errorf("making the CA: %w", err)
	}
	if o.out != "" {
		if err := os.WriteFile(o.out, ca.PEM(), 0o644); err != nil {
			return fmt.Errorf("writing the CA's certificates: %w", err)
		}
	}
	server, err := start(o, password, ca)
	if err != nil {
		return err
	}
	defer server.Close()
	fmt.Fprintf(stdout, "%s %s:%d\n", o.kind, server.Host, server.Port)
	<-ctx.Done()
	fmt.Fprintf(stdout, "made %d certificates\n", len(ca.Made()))
	return nil
}

func start(o options, password string, ca *catest.CA) (*catest.Server, error) {
	transport := catest.Transport{CA: ca, Listen: o.listen, Delay: o.delay, Login: catest.Login{
		Username: o.user, Password: password, Schemes: strings.Split(o.schemes, ","), ExtendedProtection: o.protection,
	}}
	if o.kind == "est" {
		transport.Login.Schemes = []string{"Basic"} // RFC 7030 knows no NTLM
		s, err := catest.StartEST(catest.ESTOptions{Transport: transport, Label: o.label, Waits: o.waits, RetryAfter: "2", MinBits: o.minBits, Chain: true})
		if err != nil {
			return nil, err
		}
		return s.Server, nil
	}
	var templates []string
	if o.templates != "" {
		templates = strings.Split(o.templates, ",")
	}
	s, err := catest.StartCertsrv(catest.CertsrvOptions{Transport: transport, Language: o.language, Templates: templates,
		Outcome: catest.Outcome(o.outcome), MinBits: o.minBits, ManagerDelay: o.manager})
	if err != nil {
		return nil, err
	}
	return s.Server, nil
}
