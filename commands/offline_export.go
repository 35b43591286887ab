package commands

import (
	"context"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/files"
	"capf/commands/internal/term"
	"capf/enroll/devices"
	"capf/enroll/offline"
	"capf/internal/apperr"
	"capf/store"
)

type offlineExportOptions struct {
	offline.ExportOptions
	out   string // a file, or "-"
	force bool
}

// offlineExportCommand is offline export and, by the vendor's name, csr dump.
func offlineExportCommand(env *Env, name, path string) cmdline.Command {
	return cmdline.Command{
		Name: name, Short: "write the waiting requests to an archive for a CA",
		Privilege: cmdline.Offline, Role: cmdline.Operator,
		About: `The archive is a gzip-compressed tar with NAME.csr, a PKCS#10 in PEM, for each
phone that proved possession of its key; NAME.pub, the public key in PEM, for each
phone; and manifest.json, which lists for each the id, the device, the time, the
kind of key, its SHA-256, and whether possession was proved. Nothing changes in
the database, so the export can be repeated.

Without --out, or with -, it goes to stdout, which must not be a terminal. A file
appears complete or not at all; an existing one is replaced only with --force.`,
		Example: "capf " + path + " --out requests.tgz --since 7d",
		Output:  cmdline.Object,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "out", Usage: "write the archive to `FILE`; - is stdout"},
			&cli.BoolFlag{Name: "force", Usage: "replace an existing file"},
			&cli.StringFlag{Name: "device", Usage: "only devices that match the `PATTERN`"},
			listedFlag(),
			&cli.StringFlag{Name: "since", Usage: "only requests since the `TIME`, such as 2027-01-31 or 7d"},
		},
		Run: func(c *cli.Context) error {
			o, err := offlineExportChoice(env, c)
			if err != nil {
				return err
			}
			return offlineExport(c.Context, env, o)
		},
	}
}

func offlineExportChoice(env *Env, c *cli.Context) (o offlineExportOptions, err error) {
	o.out, o.force, o.Device = c.String("out"), c.Bool("force"), c.String("device")
	if o.Since, err = optional(c, "since", env.moment); err != nil {
		return o, err
	}
	if o.Devices, err = listedNames(env, c); err != nil {
		return o, err
	}
	switch {
	case o.out != "" && o.out != "-":
		return o, nil
	case o.force:
		return o, apperr.Usage("--force needs --out FILE")
	case env.Format == term.JSON && c.Bool("json"):
		return o, apperr.Usage("--json needs --out FILE: the archive itself goes to stdout")
	case env.screen:
		return o, apperr.WithHint(apperr.Usage("refusing to write the archive to the terminal"), "--out FILE writes it to a file; a pipe takes it too")
	}
	o.out = "-"
	return o, nil
}

func offlineExport(ctx context.Context, env *Env, o offlineExportOptions) error {
	s, err := env.openToAsk(ctx)
	if err != nil {
		return err
	}
	o.Device = devices.FullPattern(ctx, s.Reader, o.Device)
	return forListed(ctx, env, s.Reader, &o.Devices, true, func() error { return exportRequests(ctx, env, s, o) })
}

// exportRequests writes the archive.
func exportRequests(ctx context.Context, env *Env, s *store.Store, o offlineExportOptions) (err error) {
	if o.out != "-" { // so that no temporary file is left; a slow reader of stdout may delay this
		var stop context.CancelFunc
		ctx, stop = env.untilSignal(ctx)
		defer stop()
	}
	p := env.progress()
	o.Request = func(r offline.ExportReport) { p.Show("exporting: %s", counted(r.Requests, "request")) }
	var report offline.ExportReport
	write := func(w io.Writer) (err error) {
		report, err = offlineCA(env, s).Export(ctx, w, o.ExportOptions)
		return err
	}
	if o.out == "-" {
		err = write(env.out)
	} else {
		err = files.File{Door: env.door(), Name: o.out, Mode: 0o644, Keep: !o.force}.Write(write)
	}
	p.End()
	if err != nil {
		return fmt.Errorf("exporting the requests: %w", err)
	}
	if report.Requests == 0 {
		env.say("the archive is empty: no request is waiting%s", map[bool]string{true: " that matches"}[o.Device != "" || o.Devices != nil || o.Since != nil])
	}
	if o.out == "-" {
		env.say("exported %s, %d without proof of possession", counted(report.Requests, "request"), report.Unproved)
		return nil
	}
	return showObject(env, []field{
		{"Archive", "archive", o.out},
		{"Requests", "requests", report.Requests},
		{"Without proof of possession", "without_possession", report.Unproved},
	})
}
