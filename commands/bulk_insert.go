package commands

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/files"
	"capf/commands/internal/term"
	"capf/enroll/bulk"
	"capf/internal/apperr"
	"capf/internal/document"
)

func bulkInsertCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "insert", Args: "FILE.csv", Short: "add devices from a CSV file",
		Role: cmdline.Operator,
		About: `The file has a header; its columns, in any order, are those of bulk template-csv;
only the name is required. Commas, semicolons or tabs separate them. An empty cell,
or one left out at the end of a row, means the vendor's default. The output of
device list with --csv or --json can be read back, and the YAML of device apply is
read too. FILE - is stdin.

` + readingRule() + `

Every row is checked before the first is written, and all problems are listed
with line and column. Nothing is written then, unless --partial inserts the good
rows. An existing device that matches its row is left alone; --update changes
those that differ. JSON has the counts, the outcome of each row, and the problems.`,
		Example: "capf bulk insert phones.csv --dry-run",
		Output:  cmdline.List, Columns: headings(problemColumns),
		Flags: append([]cli.Flag{
			&cli.BoolFlag{Name: "update", Usage: "change existing devices; an empty cell changes nothing"},
			&cli.BoolFlag{Name: "partial", Usage: "insert the good rows when others are bad"},
			&cli.BoolFlag{Name: "dry-run", Usage: "only show what would be done"},
		}, readingFlags()...),
		Run: func(c *cli.Context) error {
			reading, err := readingOf(c)
			if err != nil {
				return err
			}
			return bulkInsert(c.Context, env, c.Args().First(), c.Bool("dry-run"), bulk.InsertOptions{
				Reading: reading, Update: c.Bool("update"), Partial: c.Bool("partial"),
			})
		},
	}
}

func bulkInsert(ctx context.Context, env *Env, file string, dryRun bool, o bulk.InsertOptions) error {
	data, err := env.readInput(file, bulk.CSVLimit)
	if err != nil {
		return err
	}
	s, err := env.openFor(ctx, dryRun)
	if err != nil {
		return err
	}
	r, err := sealedDeviceRules(ctx, env, s)
	if err != nil {
		return err
	}
	ctx, stop := env.untilSignal(ctx)
	defer stop()
	p := env.progress()
	o.Progress = func(done, all int) { p.Show("putting in: %d of %s", done, counted(all, "row")) }
	in, err := bulk.Insert(ctx, r, env.actor(), data, o)
	p.End()
	if err != nil && len(in.Outcomes) == 0 {
		return ofFile(env, file, err)
	}
	sayIgnored(env, in.Ignored)
	env.warn(in.Warnings)
	if err := showInserted(env, in, dryRun); err != nil {
		return err
	}
	if err != nil && !errors.Is(err, apperr.ErrPartly) {
		return ofFile(env, file, err)
	}
	done := fmt.Sprintf("%s: %d added, %d changed, %d as they are", counted(in.Rows, "row"), in.Added, in.Changed, in.Same)
	if dryRun {
		done += "; nothing was written"
	}
	env.say("%s", done)
	if err != nil {
		return fmt.Errorf("%w: %w", apperr.ErrPartly, err)
	}
	return nil
}

// ofFile says which file is refused, and lists what is wrong in a document.
func ofFile(env *Env, file string, err error) error {
	if problems, is := err.(document.Problems); is {
		return sayProblems(env, file, problems)
	}
	if !errors.Is(err, apperr.ErrRefused) {
		return err
	}
	return apperr.WithHint(fmt.Errorf("reading %s: %w", files.InputName(file), err), "%s", hint(err))
}

// showInserted prints the problems; as JSON everything that there is to say.
func showInserted(env *Env, in bulk.Inserted, dryRun bool) error {
	if env.Format == term.JSON {
		return printJSON(env, newInsertedDocument(in, dryRun))
	}
	if err := showList(env, values(in.Problems), problemColumns, ""); err != nil {
		return err
	}
	if more := in.Bad - len(in.Problems); more > 0 {
		env.say("and %s more", counted(more, "problem"))
	}
	return nil
}

var problemColumns = []column[bulk.Problem]{
	{"Line", "line", always, func(p bulk.Problem) any { return p.Line }},
	{"Column", "column", usual, func(p bulk.Problem) any { return p.Column }},
	{"Device", "device", always, func(p bulk.Problem) any { return p.Device }},
	{"Field", "field", seldom, func(p bulk.Problem) any { return p.Field }},
	{"Problem", "problem", always, func(p bulk.Problem) any { return term.Message(p.Text) }},
}
