package commands

import (
	"context"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/files"
	"capf/crypto"
	"capf/enroll/phone"
	"capf/enroll/wire"
	"capf/internal/apperr"
	"capf/internal/serialnumber"
)

// errNothing means that the server ended the session without an operation.
var errNothing = errors.New("the server has nothing scheduled for it")

type phoneOptions struct {
	phone.Config
	want phone.Outcome
	door files.Door
	dir  string // folder of the phone's certificate and key
}

// phoneChoice reads what all phone commands share. The name becomes a file name, so
// it must not lead out of the folder.
func phoneChoice(env *Env, c *cli.Context, want phone.Outcome) (phoneOptions, error) {
	cfg, err := phoneConfig(env, c)
	o := phoneOptions{Config: cfg, want: want, dir: c.String("out"), door: env.door()}
	if err == nil && !isFileName(cfg.Device) {
		err = apperr.Usage("%q is not the name of a device", cfg.Device)
	}
	return o, err
}

// isFileName reports whether a name of a device can begin that of a file.
func isFileName(name string) bool {
	return name == filepath.Base(name) && !strings.ContainsAny(name, "/\\\x00") && name != "." && name != ".."
}

func (o phoneOptions) certificateFile() string { return filepath.Join(o.dir, o.Device+".pem") }

func (o phoneOptions) keyFile() string { return filepath.Join(o.dir, o.Device+".key") }

func declined() error { return errors.New("this phone was started for another operation") }

// actAsPhone runs the session and prints how it ended.
func actAsPhone(ctx context.Context, env *Env, o phoneOptions) error {
	ctx, stop := env.untilSignal(ctx)
	defer stop()
	result, err := phone.Run(ctx, o.Config)
	if result.Server != nil && o.ServerCertificate == nil {
		env.say("warning: the server's certificate was not verified: %s, SHA-256 %s",
			result.Server.Subject, crypto.Fingerprint(result.Server))
	}
	switch {
	case err != nil:
		return forPhone(o.Device, err)
	case result.Outcome == phone.Nothing:
		return apperr.WithHint(fmt.Errorf("phone %s: %w", o.Device, errNothing), "on the server, capf device set %s --operation install schedules it", o.Device)
	}
	fields := []field{
		{"Device", "device", o.Device},
		{"Did", "did", result.Outcome.String()},
		{"Server", "server", result.Remote.String()},
		{"Server's certificate", "server_subject", result.Server.Subject.String()},
		{"Attempts", "attempts", result.Attempts},
	}
	if result.Outcome == phone.Installed {
		more, err := o.installedFields(result)
		if err != nil {
			return err
		}
		fields = append(fields, more...)
	}
	return showObject(env, fields)
}

// forPhone says which phone it was. Why the server declined, only the server tells.
func forPhone(name string, err error) error {
	var declined *phone.DeclinedError
	named := fmt.Errorf("phone %s: %w", name, err)
	if errors.As(err, &declined) {
		return apperr.WithHint(named, "on the server, capf device diagnose %s says why", name)
	}
	return named
}

func (o phoneOptions) installedFields(r phone.Result) ([]field, error) {
	cert, err := x509.ParseCertificate(r.Certificate)
	if err != nil {
		return nil, fmt.Errorf("reading the LSC: %w", err)
	}
	return []field{
		{"Subject", "subject", cert.Subject.String()},
		{"Serial", "serial", serialnumber.Text(cert.SerialNumber)},
		{"Valid until", "not_after", cert.NotAfter},
		{"Certificate", "certificate_file", o.certificateFile()},
		{"Key", "key_file", o.keyFile()},
	}, nil
}

// traceLimit is how many bytes of an element are shown.
const traceLimit = 64

// traceFrame shows a frame.
func traceFrame(env *Env, sent bool, f wire.Frame) {
	f = phone.Redact(f)
	from := map[bool]string{true: "phone ", false: "server"}[sent]
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s session %08x", from, f.Command, f.Session)
	for _, e := range f.Elements {
		value := e.Value
		more := ""
		if len(value) > traceLimit {
			value, more = value[:traceLimit], fmt.Sprintf("… (%d bytes)", len(e.Value))
		}
		if e.Tag == wire.TagDeviceName || e.Tag == wire.TagReasonInfo || e.Tag == wire.TagPassword {
			fmt.Fprintf(&b, " %s %q%s", e.Tag, strings.TrimSuffix(string(value), "\x00"), more)
			continue
		}
		fmt.Fprintf(&b, " %s %s%s", e.Tag, hex.EncodeToString(value), more)
	}
	env.say("%s", b.String())
}
