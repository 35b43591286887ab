package commands

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/files"
	"capf/enroll/phoneconfig"
	"capf/enroll/trustlist"
	"capf/internal/apperr"
)

type phoneConfigMergeOptions struct {
	files       []string
	device, out string
	force       bool
	dryRun      bool
}

func phoneConfigMergeCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "merge", Args: "FILE...", Short: "put what phone-config show shows into existing configuration files",
		Role: cmdline.Operator,
		About: `A FILE is the configuration file of a phone, called after its device as in
SEP001122334455.cnf.xml, or a folder with such files; --device names the device of
a file that is called otherwise; - is stdin. What the file has already stays as it
is. Elements that it lacks are inserted, those that say something else are replaced
where they stand, and of all the rest no byte changes: comments, order, indentation,
line ends, encoding. A second time nothing changes, and the file keeps its time.

A phone without TLS keeps the transportLayerProtocol that its file has. The short
companion of an encrypted file (fullConfig false) stays one.

Files keep their owner and mode, and appear whole or not at all. In a folder, a file
of a device that capf does not know, or that cannot be read, has a row that says so;
the others are merged, and the exit code is 5.`,
		Example: "capf phone-config merge SEP001122334455.cnf.xml",
		Output:  cmdline.List, Columns: headings(configColumns),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "device", Usage: "`NAME` of the device, if the one file is not called after it"},
			&cli.StringFlag{Name: "out", Aliases: []string{"o"}, Usage: "write the result to `FILE` (- is stdout) and leave the one file as it is"},
			&cli.BoolFlag{Name: "dry-run", Usage: "only show what would be changed; exit code 6 if that is anything"},
			forceFlag(),
		},
		Run: func(c *cli.Context) error {
			o := phoneConfigMergeOptions{c.Args().Slice(), c.String("device"), c.String("out"), c.Bool("force"), c.Bool("dry-run")}
			return phoneConfigMerge(c.Context, env, o)
		},
	}
}

func (o phoneConfigMergeOptions) check(env *Env) error {
	if err := cmp.Or(oneFile(env, o.files, "device", o.device), oneFile(env, o.files, "out", o.out)); err != nil {
		return err
	}
	switch {
	case o.out != "" && o.dryRun:
		return apperr.Usage("--out and --dry-run exclude each other")
	case len(o.files) > 1 && slices.Contains(o.files, "-"):
		return apperr.Usage("stdin (-) goes alone")
	case o.files[0] == "-" && o.device == "":
		return apperr.WithHint(apperr.Usage("whose configuration stdin is, is not known"), "--device names the device")
	}
	return nil
}

func phoneConfigMerge(ctx context.Context, env *Env, o phoneConfigMergeOptions) error {
	if err := o.check(env); err != nil {
		return err
	}
	s, err := env.question(ctx)
	if err != nil {
		return err
	}
	env.goOn()
	all, err := readConfigs(ctx, env, s)
	if err != nil {
		return err
	}
	if o.out != "" || o.files[0] == "-" {
		return mergeToOutput(ctx, env, all, o)
	}
	return configWork{env, "changed", o.dryRun, merging{all, env, o}.file}.all(ctx, o.files)
}

// mergeToOutput merges one file and writes the result elsewhere.
func mergeToOutput(ctx context.Context, env *Env, all configs, o phoneConfigMergeOptions) error {
	name := o.files[0]
	d, err := all.deviceFor(ctx, name, o.device)
	if err != nil {
		return err
	}
	var data []byte
	if name == "-" {
		data, err = io.ReadAll(io.LimitReader(env.Stdin, trustlist.MaxFile+1))
	} else {
		var p files.Present
		p, err = files.ReadPresent(env.door(), name, trustlist.MaxFile)
		data = p.Data
	}
	if err != nil {
		return err
	}
	e, _, err := all.configOf(ctx, d)
	if err != nil {
		return err
	}
	merged, changes, err := phoneconfig.MergeAndTell(data, e)
	if err != nil {
		return fmt.Errorf("reading %s: %w", files.InputName(name), err)
	}
	if o.dryRun {
		if len(changes) == 0 {
			return nil
		}
		env.say("it would be changed: %s", changeWords(changes))
		return exitWouldChange
	}
	return env.writeOutput(o.out, o.force, merged)
}

// merging merges files one by one.
type merging struct {
	configs
	env     *Env
	options phoneConfigMergeOptions
}

func (m merging) file(ctx context.Context, row *configRow) error {
	p, err := files.ReadPresent(m.env.door(), row.file, trustlist.MaxFile)
	if err != nil {
		return err
	}
	d, err := m.deviceFor(ctx, row.file, m.options.device)
	if err != nil {
		return err
	}
	row.device = d.Name
	e, _, err := m.configOf(ctx, d)
	if err != nil {
		return err
	}
	merged, changes, err := phoneconfig.MergeAndTell(p.Data, e)
	switch {
	case err != nil:
		return fmt.Errorf("reading %q: %w", row.file, err)
	case bytes.Equal(merged, p.Data):
		row.outcome = configUnchanged
		return nil
	}
	row.detail = changeWords(changes)
	if m.options.dryRun {
		return nil
	}
	return p.Replace(merged)
}

// changeWords are changes in a line.
func changeWords(changes []phoneconfig.Change) string {
	var words []string
	for _, c := range changes {
		switch {
		case c.Inserted && c.New == "":
			words = append(words, c.Element+" inserted")
		case c.Inserted:
			words = append(words, fmt.Sprintf("%s %s inserted", c.Element, c.New))
		case c.New == "" && c.Old != "":
			words = append(words, fmt.Sprintf("%s %s removed", c.Element, c.Old))
		case c.Old == "":
			words = append(words, fmt.Sprintf("%s %s", c.Element, c.New))
		default:
			words = append(words, fmt.Sprintf("%s %s → %s", c.Element, c.Old, c.New))
		}
	}
	return strings.Join(words, ", ")
}
