package commands

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/term"
	"capf/enroll/lists"
	"capf/enroll/settings"
	"capf/enroll/trustlist"
	"capf/internal/apperr"
	"capf/store"
)

type trustListWriteOptions struct {
	out             string // a folder; "" is that of the parameter
	digest          *trustlist.Digest
	signerVersion   *trustlist.Version
	replace, dryRun bool
}

func trustListWriteCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "write", Short: "write the trust lists of phones into a folder",
		Role: cmdline.Operator,
		About: `The folder, that of --out or of the parameter trust_list_folder, gets ITLFile.tlv and
CTLFile.tlv for all phones, ITLSEP….tlv for those whose list is another one, and
CTLSEP….tlv for those that take no ITL: "capf trust-list devices" says which, and
why. A TFTP or web server gives them to phones.

A file appears whole or not at all, and one that is as it should be keeps its time.
Lists of devices that need none of their own any more are removed. A file that capf
has not written stays as it is, and the exit code is 5; --replace takes it over. The
file .capf-trust-lists in the folder says what capf has written, as sha256sum does.

Where trust_list_folder is set, serve does all this within seconds of each change
that lists show.`,
		Example: "capf trust-list write --out tftp --dry-run",
		Output:  cmdline.List, Columns: headings(writtenColumns),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "out", Usage: "the folder `DIR`, which must exist"},
			&cli.StringFlag{Name: "digest", Usage: "of lists for all, a `DIGEST`: sha1, sha512 (default: the parameter trust_list_digest)"},
			&cli.StringFlag{Name: "signer-version", Usage: "of lists for all, a signer `VERSION`: 1.0, 1.1 (default: the parameter trust_list_signer_version)"},
			&cli.BoolFlag{Name: "replace", Usage: "also files of these names that capf has not written"},
			&cli.BoolFlag{Name: "dry-run", Usage: "only show what would be done; exit code 6 if that is anything"},
		},
		Run: func(c *cli.Context) (err error) {
			o := trustListWriteOptions{out: c.String("out"), replace: c.Bool("replace"), dryRun: c.Bool("dry-run")}
			if o.digest, err = optional(c, "digest", trustlist.ParseDigest); err != nil {
				return err
			}
			if o.signerVersion, err = optional(c, "signer-version", trustlist.ParseSignerVersion); err != nil {
				return err
			}
			return trustListWrite(c.Context, env, o)
		},
	}
}

func trustListWrite(ctx context.Context, env *Env, o trustListWriteOptions) error {
	s, err := env.openToAsk(ctx)
	if err != nil {
		return err
	}
	w, folder, err := writingOf(ctx, env, s, o)
	if err != nil {
		return err
	}
	at, err := listFolder(env, o, folder)
	if err != nil {
		return err
	}
	defer at.Close()
	ctx, stop := env.untilSignal(ctx)
	defer stop()
	var rows []lists.WrittenFile
	counts := map[lists.FileOutcome]int{}
	err = w.Write(ctx, at, func(f lists.WrittenFile) error {
		counts[f.Outcome]++
		rows = append(rows, f)
		return nil
	})
	if err != nil {
		return fmt.Errorf("writing trust lists into %q: %w", folder, err)
	}
	return showWritten(env, o, folder, rows, counts)
}

// writingOf is what is to be written, and the name of the folder.
func writingOf(ctx context.Context, env *Env, s *store.Store, o trustListWriteOptions) (w lists.Writing, folder string, err error) {
	set, err := settings.Read(ctx, s.Reader)
	if err != nil {
		return w, "", err
	}
	if folder = o.out; folder == "" {
		folder = set.ListFolder
	}
	if folder == "" {
		return w, "", apperr.WithHint(apperr.Usage("--out is missing"), "the parameter trust_list_folder would be its default, and have serve write them")
	}
	shared, err := lists.Shared(set)
	if err != nil {
		return w, "", err
	}
	if o.digest != nil {
		shared.Digest = *o.digest
	}
	if o.signerVersion != nil {
		shared.SignerVersion = *o.signerVersion
	}
	sealer, err := openSealer(ctx, env, s.Reader)
	if err != nil {
		return w, "", err
	}
	return lists.Writing{Store: s.Reader, Composer: lists.NewComposer(s.Reader, sealer), Shared: &shared, Replace: o.replace, DryRun: o.dryRun}, folder, nil
}

// listFolder opens the folder: that which an operator names as all files that he names.
func listFolder(env *Env, o trustListWriteOptions, folder string) (*os.Root, error) {
	if o.out == "" {
		return lists.OpenFolder(folder)
	}
	at, _, err := env.door().Parent(filepath.Join(folder, trustlist.ITL.FileName()))
	if err != nil {
		return nil, fmt.Errorf("opening folder %q: %w", folder, apperr.WithoutPath(err))
	}
	return at, nil
}

func showWritten(env *Env, o trustListWriteOptions, folder string, rows []lists.WrittenFile, counts map[lists.FileOutcome]int) error {
	if o.dryRun {
		for i, r := range rows {
			if r.Outcome == lists.FileWritten || r.Outcome == lists.FileRemoved {
				rows[i].Outcome = "would be " + r.Outcome
			}
		}
	}
	fields := []field{{"Folder", "folder", folder}}
	for _, outcome := range []lists.FileOutcome{lists.FileWritten, lists.FileUnchanged, lists.FileRemoved, lists.FileKept} {
		fields = append(fields, field{term.UpperFirst(string(outcome)), string(outcome), counts[outcome]})
	}
	if err := showOutcome(env, fields, "files", rows, writtenColumns); err != nil {
		return err
	}
	if kept := counts[lists.FileKept]; kept > 0 {
		return apperr.WithHint(apperr.New(apperr.ErrPartly, "in the way in %q, because capf has not written it: %s", folder, counted(kept, "file")),
			"if it may be replaced: capf trust-list write --replace")
	}
	if o.dryRun && counts[lists.FileWritten]+counts[lists.FileRemoved] > 0 {
		return exitWouldChange
	}
	return nil
}

// writtenColumns are the properties of a file in a folder of lists.
var writtenColumns = []column[lists.WrittenFile]{
	{"File", "file", always, func(f lists.WrittenFile) any { return f.Name }},
	{"Outcome", "outcome", always, func(f lists.WrittenFile) any { return string(f.Outcome) }},
	{"Device", "device", wide, func(f lists.WrittenFile) any { return f.Device }},
	{"Digest", "digest", usual, func(f lists.WrittenFile) any { return ifWanted(f, f.Variant.Digest.String()) }},
	{"Signer version", "signer_version", usual, func(f lists.WrittenFile) any { return ifWanted(f, f.Variant.SignerVersion.String()) }},
	{"Bytes", "size_bytes", usual, func(f lists.WrittenFile) any { return ifWanted(f, f.Size) }},
	{"Why", "why", usual, func(f lists.WrittenFile) any { return term.Message(f.Why) }},
}

// ifWanted is a property of a list that is to be there; those that are removed have none.
func ifWanted(f lists.WrittenFile, value any) any {
	if f.Size == 0 {
		return nil
	}
	return value
}
