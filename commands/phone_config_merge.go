package commands

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/files"
	"capf/commands/internal/term"
	"capf/enroll/phoneconfig"
	"capf/internal/apperr"
	"capf/store"
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
		Output:  cmdline.List, Columns: headings(mergeColumns),
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
	one := len(o.files) == 1 && !isFolder(env, o.files[0])
	switch {
	case o.device != "" && !one:
		return apperr.Usage("--device goes with one file")
	case o.out != "" && !one:
		return apperr.Usage("--out goes with one file")
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
	names, err := configFiles(env, o.files)
	if err != nil {
		return err
	}
	m := merging{configs: all, env: env, options: o}
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		m.file(ctx, name)
	}
	return m.conclude()
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
		data, err = io.ReadAll(io.LimitReader(env.Stdin, phoneconfig.Limit+1))
	} else {
		var p files.Present
		p, err = files.ReadPresent(env.door(), name, phoneconfig.Limit)
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

// configFiles are the files that are named, and the configuration files of phones in the
// folders that are.
func configFiles(env *Env, named []string) (names []string, err error) {
	for _, name := range named {
		if !isFolder(env, name) {
			names = append(names, name)
			continue
		}
		entries, err := files.ReadFolder(env.door(), name)
		if err != nil {
			return nil, err
		}
		before := len(names)
		for _, e := range entries {
			// That of phones that have none of their own is called so.
			if !e.IsDir() && deviceOfFile(e.Name()) != "" && !strings.EqualFold(e.Name(), "XMLDefault.cnf.xml") && !strings.HasPrefix(e.Name(), ".") {
				names = append(names, filepath.Join(name, e.Name()))
			}
		}
		if len(names) == before {
			env.say("no file in %q is called as that of a phone, SEP001122334455.cnf.xml", name)
		}
	}
	return names, nil
}

// mergedFile is what became of a file.
type mergedFile struct {
	file, device, outcome, detail string
	err                           error
}

// The outcomes.
const (
	mergeChanged   = "changed"
	mergeWould     = "would be changed"
	mergeUnchanged = "unchanged"
	mergeRefused   = "refused"
)

var mergeColumns = []column[mergedFile]{
	{"FILE", "file", always, func(f mergedFile) any { return f.file }},
	{"DEVICE", "device", seldom, func(f mergedFile) any { return f.device }},
	{"OUTCOME", "outcome", always, func(f mergedFile) any { return f.outcome }},
	{"DETAIL", "detail", usual, func(f mergedFile) any { return term.Message(f.detail) }},
}

// merging merges files one by one.
type merging struct {
	configs
	env     *Env
	options phoneConfigMergeOptions
	rows    []mergedFile
	counts  map[string]int
}

func (m *merging) file(ctx context.Context, name string) {
	row := mergedFile{file: name}
	row.err = m.merge(ctx, &row)
	switch {
	case errors.Is(row.err, store.ErrNotFound):
		row.outcome, row.detail = mergeRefused, "capf has no device of that name"
	case row.err != nil:
		row.outcome, row.detail = mergeRefused, strings.TrimPrefix(row.err.Error(), fmt.Sprintf("reading %q: ", name))
	}
	if m.counts == nil {
		m.counts = map[string]int{}
	}
	m.counts[row.outcome]++
	m.rows = append(m.rows, row)
}

func (m *merging) merge(ctx context.Context, row *mergedFile) error {
	d, err := m.deviceFor(ctx, row.file, m.options.device)
	if err != nil {
		return err
	}
	row.device = d.Name
	p, err := files.ReadPresent(m.env.door(), row.file, phoneconfig.Limit)
	if err != nil {
		return err
	}
	e, _, err := m.configOf(ctx, d)
	if err != nil {
		return err
	}
	merged, changes, err := phoneconfig.MergeAndTell(p.Data, e)
	switch {
	case err != nil:
		return fmt.Errorf("reading %q: %w", row.file, err)
	case bytes.Equal(merged, p.Data):
		row.outcome = mergeUnchanged
		return nil
	}
	row.outcome, row.detail = mergeChanged, changeWords(changes)
	if m.options.dryRun {
		row.outcome = mergeWould
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

// conclude prints what became of the files: to a person, of those that need to be seen.
func (m *merging) conclude() error {
	if len(m.rows) == 1 && m.rows[0].err != nil {
		return m.rows[0].err
	}
	rows := m.rows
	if m.env.Format == term.Table && len(rows) > 1 {
		rows = nil
		for _, r := range m.rows {
			if r.outcome != mergeUnchanged {
				rows = append(rows, r)
			}
		}
	}
	if err := showList(m.env, values(rows), mergeColumns, ""); err != nil {
		return err
	}
	var words []string
	for _, outcome := range []string{mergeChanged, mergeWould, mergeUnchanged, mergeRefused} {
		if n := m.counts[outcome]; n > 0 {
			words = append(words, fmt.Sprintf("%d %s", n, outcome))
		}
	}
	if len(m.rows) > 1 {
		m.env.say("%s: %s", counted(len(m.rows), "file"), strings.Join(words, ", "))
	}
	switch {
	case m.counts[mergeRefused] > 0:
		return exitPartly
	case m.counts[mergeWould] > 0:
		return exitWouldChange
	}
	return nil
}
