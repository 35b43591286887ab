package commands

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/term"
	"capf/enroll/boot"
	"capf/enroll/devices"
	"capf/enroll/phone"
	"capf/enroll/transfer"
	"capf/enroll/wire"
	"capf/internal/apperr"
	"capf/internal/serialnumber"
)

func phoneBootCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "boot", Args: "NAME", Short: "start as the phone NAME, from DHCP to its certificate, and tell each decision",
		Role: cmdline.Operator,
		About: `It does what a phone does when it starts: it fetches CTL, ITL and configuration,
takes a list only from a signer that its own list names or TVS vouches for (the first
one from anybody), connects to CAPF only if a list or TVS says so, and enrolls as its
configuration tells it to. A line for each decision says why. It works with any
server, CUCM too.

What the phone keeps is in the folder of --held: NAME.CTLFile.tlv, NAME.ITLFile.tlv,
NAME.cnf.xml, NAME.pem and NAME.key. A folder without them is that of a new phone.
Put the list of a real phone there to see what that phone would do.

--explain changes nothing, neither in the folder nor on the server: at CAPF it stops
after the TLS handshake, which shows the certificate.

It exits with 4 if the phone does not get a certificate and has none.`,
		Example: "capf phone boot SEP001122334455 --provision 192.0.2.10 --explain",
		Output:  cmdline.Object, NoStore: true,
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "provision", Usage: "`HOST` of DHCP option 150, or http://HOST[:PORT], tftp://HOST[:PORT] (default: HTTP on port 6970, then TFTP)"},
			&cli.StringFlag{Name: "held", Value: ".", Usage: "the folder `DIR` of what the phone keeps"},
			&cli.BoolFlag{Name: "explain", Usage: "only tell what the phone would do"},
			&cli.StringSliceFlag{Name: "server", Usage: "`HOST[:PORT]` of CAPF, in place of those in the configuration; may be repeated"},
			&cli.StringSliceFlag{Name: "tvs", Usage: "`HOST[:PORT]` of TVS, in place of those in the configuration; may be repeated"},
			&cli.StringFlag{Name: "mic-cert", Usage: "`FILE` with the certificate of the manufacturer in the phone"},
			&cli.StringFlag{Name: "mic-key", Usage: "`FILE` with its key"},
			&cli.StringFlag{Name: "model", Value: "CP-8861", Usage: "`MODEL` that TVS is told; a 6901 or 6911 takes no ITL"},
			&cli.StringFlag{Name: "auth-string-file", Usage: "`FILE` with the authentication string that the user types (- is stdin)"},
			&cli.DurationFlag{Name: "wait", Usage: "`TIME` to wait for the certificate (default: no limit)"},
		}, flagsNamed(phoneFlags(), "protocol", "ip-mode", "tls-min", "tls-max", "attempts", "retry-interval", "timeout", "progress", "trace")...),
		Run: func(c *cli.Context) error {
			o, err := bootChoice(env, c)
			if err != nil {
				return err
			}
			return phoneBoot(c.Context, env, o)
		},
	}
}

// flagsNamed are those of the flags that have one of the names.
func flagsNamed(flags []cli.Flag, names ...string) []cli.Flag {
	return slices.DeleteFunc(flags, func(f cli.Flag) bool { return !slices.Contains(names, f.Names()[0]) })
}

type phoneBootOptions struct {
	boot.Config
	held heldFolder
}

func bootChoice(env *Env, c *cli.Context) (o phoneBootOptions, err error) {
	o.Device, o.Model, o.Explain = devices.Spelled(c.Args().First()), c.String("model"), c.Bool("explain")
	if !isFileName(o.Device) {
		return o, apperr.Usage("%q is not the name of a device", o.Device)
	}
	if c.String("provision") == "" {
		return o, apperr.Usage("--provision is missing: the server that gives files to phones")
	}
	if o.Source, err = transfer.ParseSource(c.String("provision")); err != nil {
		return o, apperr.Usage("--provision: %v", err)
	}
	if o.Servers, err = hostsOf(c, "server", phonePort); err != nil {
		return o, err
	}
	if o.TVSServers, err = hostsOf(c, "tvs", tvsPort); err != nil {
		return o, err
	}
	if o.Phone, err = bootSession(env, c); err != nil {
		return o, err
	}
	if o.MIC, err = phoneIdentity(env, c, "mic", wire.TypeMIC); err != nil {
		return o, err
	}
	o.held = heldFolder{env, c.String("held"), o.Device}
	o.Held, err = o.held.read()
	o.Memory = boot.Memory{List: o.held.keepList, Configuration: o.held.keepConfiguration, LSC: o.held.keepLSC, Forget: o.held.forget}
	return o, err
}

// bootSession is how the phone speaks to CAPF.
func bootSession(env *Env, c *cli.Context) (cfg phone.Config, err error) {
	cfg = phone.Config{Progress: c.Bool("progress"), Interval: c.Duration("retry-interval"), Timeout: c.Duration("timeout"), WaitForIssue: c.Duration("wait")}
	if cfg.TLS, err = phoneTLS(c); err != nil {
		return cfg, err
	}
	if err := phoneProtocol(c, &cfg); err != nil {
		return cfg, err
	}
	if c.IsSet("auth-string-file") {
		secret, err := env.readSecret(c.String("auth-string-file"))
		if err != nil {
			return cfg, err
		}
		cfg.Password = []byte(secret)
	}
	if c.Bool("trace") {
		cfg.Observe = func(sent bool, f wire.Frame) { traceFrame(env, sent, f) }
	}
	return cfg, nil
}

// phoneBoot tells the decisions while they are made, or as one document at the end.
func phoneBoot(ctx context.Context, env *Env, o phoneBootOptions) error {
	ctx, stop := env.untilSignal(ctx)
	defer stop()
	var decisions []boot.Decision
	o.Tell = func(d boot.Decision) {
		decisions = append(decisions, d)
		if env.Format != term.JSON {
			fmt.Fprintf(env.out, "%-13s  %-4s  %s\n", d.Step, d.Verdict, decisionText(env, d))
			_ = env.out.Flush() // its error comes when the output is closed
		}
	}
	result, err := boot.Run(ctx, o.Config)
	if printErr := showBoot(env, o, result, decisions); printErr != nil {
		return printErr
	}
	switch {
	case err != nil && errors.Is(err, apperr.ErrRefused):
		return err
	case err != nil:
		return forPhone(o.Device, err)
	case !result.HasLSC && (result.Outcome == boot.NotAsked || result.Outcome == boot.Nothing):
		return apperr.WithHint(fmt.Errorf("phone %s: %w", o.Device, errNothing), "on the server, capf device set %s --operation install schedules it", o.Device)
	}
	return nil
}

// decisionText is what a decision says: in a pipe one line, as grep likes it, on a terminal
// folded beside its step and verdict.
func decisionText(env *Env, d boot.Decision) string {
	text := term.Message(term.Visible(d.Text)).Zoned()
	if !env.screen || env.heard == nil {
		return text
	}
	columns, _ := term.Screen(env.heard, env.Getenv)
	return term.FoldTo(columns, text, len("configuration  note  "))
}

func showBoot(env *Env, o phoneBootOptions, r boot.Result, decisions []boot.Decision) error {
	fields := []field{
		{"Device", "device", o.Device},
		{"Outcome", "outcome", string(r.Outcome)},
	}
	if r.Session.Server != nil {
		fields = append(fields,
			field{"Server", "server", r.Session.Remote.String()},
			field{"Server's certificate", "server_subject", r.Session.Server.Subject.String()})
	}
	if r.Outcome == boot.Enrolled {
		cert, err := x509.ParseCertificate(r.Session.Certificate)
		if err != nil {
			return fmt.Errorf("reading the LSC: %w", err)
		}
		fields = append(fields,
			field{"Subject", "subject", cert.Subject.String()},
			field{"Serial", "serial", serialnumber.Text(cert.SerialNumber)},
			field{"Valid until", "not_after", cert.NotAfter},
			field{"Certificate", "certificate_file", o.held.file(".pem")},
			field{"Key", "key_file", o.held.file(".key")})
	}
	if env.Format == term.JSON {
		return documentJSON(env, fields, "decisions", values(decisions), decisionColumns)
	}
	fmt.Fprintln(env.out)
	return showObject(env, fields)
}

// decisionColumns are the properties of a decision of a phone.
var decisionColumns = []column[boot.Decision]{
	{"Step", "step", always, func(d boot.Decision) any { return string(d.Step) }},
	{"Verdict", "verdict", always, func(d boot.Decision) any { return string(d.Verdict) }},
	{"Text", "text", always, func(d boot.Decision) any { return d.Text }},
}
