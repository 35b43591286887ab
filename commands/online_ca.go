package commands

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/term"
	"capf/enroll/onlineca"
)

// errStep ends a test of the online CA in which a step failed; the output shows
// which one.
var errStep = errors.New("the online CA is not ready for phones")

func onlineCATestCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "test", Short: "test every step to the configured online CA",
		Role: cmdline.Operator,
		About: `The test checks the configuration, finds the host, connects, verifies the HTTPS
certificate against capf-trust, logs in, looks for the template, and checks that
the CA's certificates chain to capf-trust. Each step is a line; one that fails
comes with advice and ends the test. The CA need not be the issuer yet.

With --enroll the CA is asked for a certificate as for a phone, and the certificate
is checked in the same way. It is a real one, for the name capf-online-ca-test and
a key that is thrown away: revoke it at the CA.`,
		Example: "capf online-ca test --enroll",
		Output:  cmdline.Object,
		Flags:   []cli.Flag{&cli.BoolFlag{Name: "enroll", Usage: "have the CA issue a certificate"}},
		Run:     func(c *cli.Context) error { return onlineCATest(c.Context, env, c.Bool("enroll")) },
	}
}

// caStep is a step as JSON shows it.
type caStep struct {
	Name   string `json:"step"`
	OK     bool   `json:"ok"`
	Text   string `json:"text"`
	Advice string `json:"advice"`
}

func onlineCATest(ctx context.Context, env *Env, enroll bool) error {
	s, err := env.openToAsk(ctx)
	if err != nil {
		return err
	}
	ca, err := openOnlineCA(ctx, env, s)
	if err != nil {
		return err
	}
	steps, err := ca.Check(ctx, enroll)
	if err != nil {
		return err
	}
	good := true
	rows := []caStep{}
	for _, step := range steps {
		good = good && step.OK
		rows = append(rows, caStep(step))
	}
	if env.Format == term.JSON {
		err = printJSON(env, struct {
			OK    bool     `json:"ok"`
			Steps []caStep `json:"steps"`
		}{good, rows})
	} else {
		showSteps(env, steps)
	}
	if err == nil && !good {
		err = errStep
	}
	return err
}

func showSteps(env *Env, steps []onlineca.Step) {
	for _, step := range steps {
		word := "ok"
		if !step.OK {
			word = "failed"
		}
		fmt.Fprintf(env.out, "%-6s  %-14s  %s\n", word, step.Name, term.OneLine(step.Text))
		if step.Advice != "" {
			fmt.Fprintf(env.out, "%-6s  %-14s  hint: %s\n", "", "", typed(env, term.OneLine(step.Advice)))
		}
	}
}
