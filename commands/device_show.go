package commands

import (
	"context"
	"crypto/x509"
	"fmt"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/term"
	"capf/crypto"
	"capf/enroll"
	"capf/enroll/devices"
	"capf/internal/serialnumber"
	"capf/store"
)

type deviceShowOptions struct {
	name   string
	reveal bool
}

func deviceShowCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "show", Args: "NAME", Short: "show a device, its settings, its state and its certificates",
		Privilege: cmdline.Look, Role: cmdline.Reader,
		About: `The authentication string is shown only with --reveal, which is recorded. JSON
has the certificates that the phone has sent or shown, as PEM.`,
		Example: "capf device show SEP001122334455",
		Output:  cmdline.Object,
		Raises:  map[string]cmdline.Needs{"reveal": {Role: cmdline.Operator}},
		Flags:   []cli.Flag{&cli.BoolFlag{Name: "reveal", Usage: "show the authentication string"}},
		Run: func(c *cli.Context) error {
			return deviceShow(c.Context, env, deviceShowOptions{c.Args().First(), c.Bool("reveal")})
		},
	}
}

func deviceShow(ctx context.Context, env *Env, o deviceShowOptions) error {
	open := env.openToAsk
	if o.reveal {
		open = env.openStore
	}
	s, err := open(ctx)
	if err != nil {
		return err
	}
	d, err := s.Device(ctx, devices.FullName(ctx, s.Reader, o.name))
	if err != nil {
		return err
	}
	fields := deviceFields(d)
	if o.reveal {
		secret, err := authString(ctx, env, s, d)
		if err != nil {
			return err
		}
		fields = append(fields, field{"Authentication string", "auth_string", secret})
	}
	certs, err := certificateFields(ctx, s.Reader, d)
	if err != nil {
		return err
	}
	if err := showObject(env, append(fields, certs...)); err != nil {
		return err
	}
	if section := enroll.StatusSection(d.Status); section != "" {
		env.say("hint: capf device diagnose %s; %s", d.Name, section)
	}
	return nil
}

// authString opens the authentication string, and records that it was revealed.
func authString(ctx context.Context, env *Env, s *store.Store, d store.Device) (string, error) {
	r, err := sealedDeviceRules(ctx, env, s)
	if err != nil {
		return "", err
	}
	return r.RevealString(ctx, env.actor(), d)
}

func deviceFields(d store.Device) []field {
	fields := []field{{"Name", "name", d.Name}}
	for _, a := range devices.Attributes() {
		name := a.Name
		if a.Secret {
			name += "_set"
		}
		fields = append(fields, field{a.Label, name, a.Of(d)})
	}
	return append(fields, []field{
		{"Certificate operation status", "status", d.Status},
		{"Wrong strings in a row", "wrong_strings", d.WrongStrings},
		{"Unconfirmed keys", "unconfirmed", d.Unconfirmed},
		{"Locked until", "locked_until", d.LockedUntil},
		{"Locked for", "locked_for", string(d.LockedFor)},
		{"Signs certificate requests", "signs_requests", !d.NoPossession},
		{"Added", "created_at", d.CreatedAt},
		{"Changed", "updated_at", d.UpdatedAt},
		{"Last seen", "seen_at", d.SeenAt},
	}...)
}

// certificateFields are the LSC that the device has or is about to get, and the
// certificates that the phone has sent or shown.
func certificateFields(ctx context.Context, s *store.Reader, d store.Device) ([]field, error) {
	var fields []field
	for lsc, err := range s.LSCs(ctx, store.LSCFilter{DeviceID: d.ID}) {
		if err != nil {
			return nil, err
		}
		if lsc.State != store.LSCInstalled && lsc.State != store.LSCIssued {
			continue
		}
		fields = append(fields, field{lsc.State.Long() + " LSC",
			"", fmt.Sprintf("%s, valid until %s", lsc.Serial, term.Cell(lsc.NotAfter))},
			field{"", string(lsc.State) + "_lsc", lsc.Serial})
	}
	certs, err := s.DeviceCertificates(ctx, d.ID)
	if err != nil {
		return nil, err
	}
	for _, c := range certs {
		title := map[string]string{"lsc": "LSC on the phone", "mic": "MIC on the phone"}[c.Kind]
		fields = append(fields, field{title, "", describeCertificate(c)},
			field{"", "phone_" + c.Kind, string(crypto.CertificatePEM(c.Certificate))})
	}
	return fields, nil
}

func describeCertificate(c store.DeviceCertificate) string {
	cert, err := x509.ParseCertificate(c.Certificate)
	if err != nil {
		return fmt.Sprintf("not readable, seen %s", term.Cell(c.SeenAt))
	}
	return fmt.Sprintf("%s, serial %s, valid until %s, seen %s",
		cert.Subject, serialnumber.Text(cert.SerialNumber), term.Cell(cert.NotAfter), term.Cell(c.SeenAt))
}
