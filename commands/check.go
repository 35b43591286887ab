package commands

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/term"
	"capf/enroll/health"
	"capf/enroll/secrets"
	"capf/internal/apperr"
	"capf/store"
)

func checkCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "check", Short: "look for everything that can be wrong with the database",
		Role: cmdline.Operator,
		About: `It reads the whole file, as SQLite's own integrity check does; checks that tables,
indexes and triggers are those that capf creates; looks for rows and states that
contradict each other; compares keys and certificates with what their rows say;
opens the secrets with the master key; checks that the CAPF certificate is usable;
and follows the chain of events. Faults are listed, and the exit code is then 1.
Nothing is changed, and phones may enroll meanwhile.

A passing fault is not damage: a CAPF certificate that has expired, or does not
exist yet; a time in the future, because a clock was wrong. It is listed too, and
the last line mentions it, but if all faults are passing, the exit code is 0: the
database is worth a backup.

To check a backup: capf restore FILE --dry-run.`,
		Example: "capf check --json",
		Output:  cmdline.List, Columns: headings(faultColumns),
		Run: func(c *cli.Context) error { return checkDatabase(c.Context, env) },
	}
}

func checkDatabase(ctx context.Context, env *Env) error {
	s, err := env.question(ctx)
	if err != nil {
		return err
	}
	env.goOn() // the exit code needs no reader
	n, passing, keyless := 0, 0, 0
	faults := databaseFaults(ctx, env, s, s.Path())
	err = showList(env, tallied(func(yield func(health.Fault, error) bool) {
		for f, err := range faults {
			switch {
			case err != nil:
			case f.Passing:
				passing++
			case f.Part == health.PartMasterKey:
				keyless++
			}
			if !yield(f, err) {
				return
			}
		}
	}, &n), faultColumns, "nothing is wrong with "+s.Path())
	switch {
	case err != nil || n == 0:
		return err
	case passing == n:
		env.say("no damage in %q; %s, of time or of unfinished setup", s.Path(), counted(n, "passing fault"))
		return nil
	}
	remedy := "capf restore FILE puts a backup in its place"
	if keyless == n-passing {
		remedy = "put the key file in its place, or name it with CAPF_MASTER_KEY_FILE, as a user who may read it"
	}
	found := fmt.Sprintf("%s in %q", counted(n, "fault"), s.Path())
	if passing > 0 {
		found += fmt.Sprintf(", %d of them passing", passing)
	}
	return apperr.WithHint(errors.New(found), "%s", remedy)
}

// databaseFaults are the faults of a database; keyOf is the path of the database
// whose master key it should have.
func databaseFaults(ctx context.Context, env *Env, s *store.Reader, keyOf string) iter.Seq2[health.Fault, error] {
	p := env.progress()
	list := health.Check(ctx, s, env.Now(), secrets.MasterKeyFile(keyOf, env.Getenv), func(part health.Part, rows int64) {
		p.Show("checking: %s %d", part, rows)
	})
	return func(yield func(health.Fault, error) bool) {
		defer p.End()
		list(yield)
	}
}

// faultColumns are the properties of a fault in a list.
var faultColumns = []column[health.Fault]{
	{"Part", "part", always, func(f health.Fault) any { return string(f.Part) }},
	{"What", "object", usual, func(f health.Fault) any { return f.Object }},
	{"Fault", "fault", always, func(f health.Fault) any { return term.Message(f.Text) }},
	{"", "passing", wide, func(f health.Fault) any { return f.Passing }},
}
