package commands

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"capf/enroll"
	"capf/store"
)

type certUploadOptions struct {
	files       []string
	purposes    []store.Purpose
	description string
	foreignCAPF bool
}

func certUploadCommand() command {
	return command{
		name: "upload", args: "FILE...", short: "put certificates into trust stores",
		about: `A FILE holds one certificate or a chain, as PEM or DER; - is stdin. It goes into
every trust store that --purpose names. A certificate that is there already is
left as it is. Of a file with a certificate that is refused, none is stored.`,
		example: "capf cert upload root-ca.pem --purpose capf-trust --purpose callmanager-trust",
		output:  list,
		flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "purpose", Usage: "`STORE`: " + strings.Join(purposeNames(), ", ") + "; may be repeated"},
			&cli.StringFlag{Name: "description", Usage: "a `TEXT` for people"},
			&cli.BoolFlag{Name: "foreign-capf", Usage: "it is the CAPF certificate of another cluster"},
		},
		run: func(env *Env, c *cli.Context) error {
			o := certUploadOptions{files: c.Args().Slice(), description: c.String("description"), foreignCAPF: c.Bool("foreign-capf")}
			for _, name := range c.StringSlice("purpose") {
				p, err := parsePurpose(name)
				if err != nil {
					return err
				}
				o.purposes = append(o.purposes, p)
			}
			if len(o.purposes) == 0 {
				return &usageError{text: "--purpose is missing", hint: "it is " + strings.Join(purposeNames(), " or ")}
			}
			return certUpload(c.Context, env, o)
		},
	}
}

func purposeNames() []string {
	return []string{string(store.CAPFTrust), string(store.CallManagerTrust)}
}

func parsePurpose(s string) (store.Purpose, error) {
	names := purposeNames()
	if i := slices.Index(names, strings.ToLower(s)); i >= 0 {
		return store.Purpose(names[i]), nil
	}
	return "", &usageError{
		text: fmt.Sprintf("--purpose: %q is not a trust store; it is one of %s", s, strings.Join(names, ", ")),
		hint: didYouMean(s, names, ""),
	}
}

// upload is what became of one certificate, for one purpose.
type upload struct {
	file string
	enroll.Upload
}

// certUpload reads all files before the first is stored, so that a name that
// was mistyped changes nothing.
func certUpload(ctx context.Context, env *Env, o certUploadOptions) error {
	var contents [][]byte
	for _, file := range o.files {
		data, err := env.readInput(file, certificateLimit)
		if err != nil {
			return err
		}
		contents = append(contents, data)
	}
	s, err := env.openStore(ctx)
	if err != nil {
		return err
	}
	r := env.rules(s)
	var done []upload
	var failed []error
	for i, file := range o.files {
		got, err := r.UploadTrust(ctx, env.actor(), contents[i], o.purposes, o.description, o.foreignCAPF)
		for _, u := range got {
			done = append(done, upload{file, u})
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("uploading %q: %w", file, err))
		}
	}
	if len(failed) == 1 && len(o.files) == 1 {
		return failed[0]
	}
	for _, err := range failed {
		env.say("%s", err)
	}
	if err := showList(env, values(done), uploadColumns, "no certificate was stored"); err != nil {
		return err
	}
	switch {
	case len(failed) == len(o.files):
		return fmt.Errorf("none of %d files could be stored: %w", len(failed), enroll.ErrRefused)
	case len(failed) > 0:
		return fmt.Errorf("%w: %d of %d files could not be stored", errPartly, len(failed), len(o.files))
	}
	return nil
}

// uploadColumns are the properties of the outcome of an upload.
var uploadColumns = []column[upload]{
	{"File", "file", func(u upload) any { return u.file }},
	{"Purpose", "purpose", func(u upload) any { return string(u.Purpose) }},
	{"Subject", "subject", func(u upload) any { return u.Subject }},
	{"Outcome", "outcome", func(u upload) any { return map[bool]string{true: "added", false: "already there"}[u.Added] }},
	{"", "fingerprint_sha256", func(u upload) any { return u.Fingerprint }},
}
