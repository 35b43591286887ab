package commands

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/files"
	"capf/commands/internal/term"
	"capf/enroll/bulk"
	"capf/enroll/devices"
	"capf/internal/apperr"
	"capf/internal/csvcell"
)

type exportCertsOptions struct {
	selection bulk.Selection
	out       string // a folder, a file, or "-"
	mics      bool
	force     bool
}

func bulkExportCertsCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "export-certs", Args: "[PATTERN]", Short: "write out the certificates of many devices",
		Privilege: cmdline.Look, Role: cmdline.Reader,
		About: `The filters are those of bulk select; --all selects all devices. For each device
with an installed LSC there is a file NAME.lsc.pem and, with --mic, NAME.mic.pem for
the MIC that its phone has shown; index.csv lists them with serial, issuer, validity
and SHA-256.

Without --out, or with -, they go to stdout as a gzip-compressed tar, which must not
be a terminal. --out takes the name of such an archive, or an existing folder. Files
are replaced only with --force.`,
		Example: "capf bulk export-certs --with-pool Berlin --mic --out certs.tgz",
		Output:  cmdline.Object,
		Flags: append(bulkFilterFlags(),
			allFlag(),
			&cli.BoolFlag{Name: "mic", Usage: "the MICs too"},
			&cli.StringFlag{Name: "out", Usage: "write to `FILE`, an archive or an existing folder; - is stdout"},
			&cli.BoolFlag{Name: "force", Usage: "replace existing files"},
		),
		Run: func(c *cli.Context) error {
			o := exportCertsOptions{out: c.String("out"), mics: c.Bool("mic"), force: c.Bool("force")}
			var err error
			if o.selection, err = wholeSelection(env, c); err != nil {
				return err
			}
			if o.out == "" {
				o.out = "-"
			}
			switch {
			case o.out != "-":
			case o.force:
				return apperr.Usage("--force needs --out FILE")
			case env.Format == term.JSON && c.Bool("json"):
				return apperr.Usage("--json needs --out FILE: the archive itself goes to stdout")
			case env.screen:
				return apperr.WithHint(apperr.Usage("refusing to write the archive to the terminal"), "--out FILE writes it to a file; a pipe takes it too")
			}
			return bulkExportCerts(c.Context, env, o)
		},
	}
}

func bulkExportCerts(ctx context.Context, env *Env, o exportCertsOptions) error {
	s, err := env.openToAsk(ctx)
	if err != nil {
		return err
	}
	return forListed(ctx, env, s.Reader, &o.selection.Names, false, func() error { return exportCerts(ctx, env, deviceRules(env, s), o) })
}

func exportCerts(ctx context.Context, env *Env, r *devices.Rules, o exportCertsOptions) error {
	e := deviceCertExport{index: [][]string{{"device", "kind", "serial", "subject", "issuer", "not_before", "not_after", "fingerprint_sha256", "file"}}}
	fill := func(put func(name string, data []byte) error) error { return e.write(ctx, r, o, put) }
	archive := func(w io.Writer) error { return inArchive(w, env.Now(), fill) }
	info, err := env.door().Stat(o.out)
	switch {
	case o.out == "-":
		err = archive(env.out)
	case err == nil && info.IsDir():
		err = fill(func(name string, data []byte) error {
			return files.File{Door: env.door(), Name: filepath.Join(o.out, name), Mode: 0o644, Keep: !o.force}.Write(func(w io.Writer) error {
				_, err := w.Write(data)
				return err
			})
		})
	default:
		err = files.File{Door: env.door(), Name: o.out, Mode: 0o644, Keep: !o.force}.Write(archive)
	}
	if err != nil {
		return fmt.Errorf("exporting the certificates: %w", err)
	}
	if e.without > 0 {
		env.say("%s selected without an installed LSC%s", counted(e.without, "device"), map[bool]string{true: " or a known MIC"}[o.mics])
	}
	if o.out == "-" {
		env.say("exported %s", counted(len(e.index)-1, "certificate"))
		return nil
	}
	return showObject(env, []field{{"Written to", "out", o.out}, {"Certificates", "certificates", len(e.index) - 1}, {"Devices without", "devices_without", e.without}})
}

// deviceCertExport is what has been exported so far.
type deviceCertExport struct {
	index   [][]string
	without int // devices without a certificate
}

// write puts each certificate into a file of its own, and the index into the last one.
func (e *deviceCertExport) write(ctx context.Context, r *devices.Rules, o exportCertsOptions, put func(name string, data []byte) error) error {
	certs, err := bulk.Certificates(ctx, r, o.selection, o.mics)
	if err != nil {
		return err
	}
	for c, err := range certs {
		if err != nil {
			return err
		}
		if c.Kind == "" {
			e.without++
			continue
		}
		if err := put(c.File(), c.PEM); err != nil {
			return err
		}
		row := []string{c.Device, c.Kind, c.Serial, c.Subject, c.Issuer, c.NotBefore.UTC().Format(time.RFC3339), c.NotAfter.UTC().Format(time.RFC3339), c.Fingerprint, c.File()}
		for i, cell := range row {
			row[i] = csvcell.Guard(cell)
		}
		e.index = append(e.index, row)
	}
	var b bytes.Buffer
	if err := csv.NewWriter(&b).WriteAll(e.index); err != nil {
		return err
	}
	return put("index.csv", b.Bytes())
}

// inArchive lets fill put files into a gzip-compressed tar.
func inArchive(w io.Writer, now time.Time, fill func(put func(name string, data []byte) error) error) error {
	z := gzip.NewWriter(w)
	t := tar.NewWriter(z)
	err := fill(func(name string, data []byte) error {
		if err := t.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(data)), ModTime: now}); err != nil {
			return err
		}
		_, err := t.Write(data)
		return err
	})
	if err == nil {
		err = t.Close()
	}
	if err == nil {
		err = z.Close()
	}
	return err
}
