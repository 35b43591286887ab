package commands

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/term"
	"capf/enroll/devices"
	"capf/enroll/phoneconfig"
	"capf/store"
)

func phoneConfigShowCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "show", Args: "NAME", Short: "show what the configuration file of a phone has to say about CAPF and security",
		Privilege: cmdline.Look, Role: cmdline.Reader,
		About: `The result is a configuration file, SEP<mac>.cnf.xml, with the elements that make
the phone contact CAPF and use its certificate, and no others; phone-config merge
puts them into the file that the phone has. --explain says what each means.

They come from the device: capfAuthMode is 0 while no operation is scheduled, so
that the phone leaves CAPF alone; certHash is that of its LSC, else of its MIC. The
addresses are those of the parameter capf_addresses. The members of TVS are there
while the service tvs is active, eapAuthentication where the parameter
eap_authentication asks for it.`,
		Example: "capf phone-config show SEP001122334455",
		Output:  cmdline.Object,
		Flags:   []cli.Flag{&cli.BoolFlag{Name: "explain", Usage: "a line for each element, with what it means"}},
		Run: func(c *cli.Context) error {
			return phoneConfigShow(c.Context, env, c.Args().First(), c.Bool("explain"))
		},
	}
}

func phoneConfigShow(ctx context.Context, env *Env, name string, explain bool) error {
	s, err := env.question(ctx)
	if err != nil {
		return err
	}
	d, err := s.Device(ctx, devices.FullName(ctx, s, name))
	if err != nil {
		return err
	}
	all, err := readConfigs(ctx, env, s)
	if err != nil {
		return err
	}
	e, held, err := all.configOf(ctx, d)
	switch {
	case err != nil:
		return err
	case env.Format == term.JSON:
		return showObject(env, configFields(d, e, held))
	case explain:
		return explainConfig(env, d, e, held)
	}
	file, err := phoneconfig.File(e)
	if err != nil {
		return err
	}
	_, err = env.out.Write(file)
	return err
}

// configFields are the elements as JSON.
func configFields(d store.Device, e phoneconfig.Elements, held phoneconfig.Held) []field {
	var eap any
	if e.EAP != nil {
		eap = int(*e.EAP)
	}
	return []field{
		{"", "device", d.Name},
		{"", "full_config", e.FullConfig},
		{"", "device_security_mode", int(e.SecurityMode)},
		{"", "transport_layer_protocol", int(e.Transport)},
		{"", "capf_auth_mode", int(e.AuthMode)},
		{"", "capf_list", serverWords(e.CAPF)},
		{"", "cert_hash", e.CertHash},
		{"", "cert_hash_of", held.Kind},
		{"", "encr_config", e.Encrypted},
		{"", "tvs_members", serverWords(e.TVS)},
		{"", "eap_authentication", eap},
	}
}

// serverWords are servers as address:port.
func serverWords(all []phoneconfig.Server) []string {
	words := []string{}
	for _, s := range all {
		words = append(words, s.String())
	}
	return words
}

// configLine is an element, and what it means.
type configLine struct{ element, value, meaning string }

func explainConfig(env *Env, d store.Device, e phoneconfig.Elements, held phoneconfig.Held) error {
	lines := []configLine{
		{"fullConfig", fmt.Sprint(e.FullConfig), "the file has the whole configuration"},
		{"deviceSecurityMode", fmt.Sprint(int(e.SecurityMode)), e.SecurityMode.String()},
		transportLine(e),
		authModeLine(d, e),
	}
	for _, s := range e.CAPF {
		lines = append(lines, configLine{"capfList", s.String(), "where the phone finds CAPF"})
	}
	lines = append(lines,
		configLine{"certHash", e.CertHash, map[string]string{"lsc": "MD5 of the phone's LSC", "mic": "MD5 of its MIC, as it has no LSC", "": "no certificate of the phone is known"}[held.Kind]},
		configLine{"encrConfig", fmt.Sprint(e.Encrypted), "the file is not the companion of an encrypted one"})
	if e.TVS == nil {
		lines = append(lines, configLine{"TVS", "", "left as it is in the file: the service tvs is not active"})
	}
	for _, s := range e.TVS {
		lines = append(lines, configLine{"TVS", s.String(), "where the phone asks about certificates that its lists lack"})
	}
	if e.EAP == nil {
		lines = append(lines, configLine{"eapAuthentication", "", "left as it is in the file: eap_authentication"})
	} else {
		lines = append(lines, configLine{"eapAuthentication", fmt.Sprint(int(*e.EAP)), "802.1X: " + e.EAP.String()})
	}
	return explainLines(env, lines)
}

// explainLines prints each element with its value and what it means, which a terminal has
// folded beside them.
func explainLines(env *Env, lines []configLine) error {
	value := 0
	for _, l := range lines {
		value = max(value, len(l.value))
	}
	const element = len("transportLayerProtocol")
	columns, indent := math.MaxInt, element+value+4
	if env.screen && env.heard != nil {
		columns, _ = term.Screen(env.heard, env.Getenv)
	}
	for _, l := range lines {
		if _, err := fmt.Fprintf(env.out, "%-*s  %-*s  %s\n", element, l.element, value, l.value, term.FoldTo(columns, l.meaning, indent)); err != nil {
			return err
		}
	}
	return nil
}

func transportLine(e phoneconfig.Elements) configLine {
	l := configLine{"transportLayerProtocol", fmt.Sprint(int(e.Transport)), e.Transport.String()}
	if e.Transport != phoneconfig.TLS {
		l.meaning += "; merge leaves what the file has, unless that is TLS"
	}
	return l
}

func authModeLine(d store.Device, e phoneconfig.Elements) configLine {
	l := configLine{"capfAuthMode", fmt.Sprint(int(e.AuthMode)), e.AuthMode.String()}
	if e.AuthMode == phoneconfig.NoCAPF {
		l.meaning = "no operation is scheduled: " + l.meaning
	} else {
		l.meaning += ", for " + strings.TrimSpace(d.Operation.Long())
	}
	return l
}
