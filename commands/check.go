package commands

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/enroll/health"
	"capf/enroll/secrets"
	"capf/internal/apperr"
	"capf/store"
)

func checkCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "check", Short: "look for everything that can be wrong with the database",
		About: `It reads the whole file, as SQLite's own integrity check does; looks whether
tables, indexes and triggers are those that capf makes; looks for rows and states
that contradict each other; holds keys and certificates against what their rows
say; opens the secrets with the master key; looks whether the CAPF certificate is
fit; and follows the chain of events. What it finds is listed, and the exit code is
1 then. Nothing is changed, and phones may enroll meanwhile.

A passing fault is no damage: a CAPF certificate that has expired, or is still to be
made; what lies in the future, since a clock was wrong. It is listed too, and the last line tells of it, but the exit code is 0 when
all faults are such: the database is worth a backup.

A backup is checked by: capf restore FILE --dry-run.`,
		Example: "capf check --json",
		Output:  cmdline.List,
		Run:     func(c *cli.Context) error { return checkDatabase(c.Context, env) },
	}
}

func checkDatabase(ctx context.Context, env *Env) error {
	s, err := env.question(ctx)
	if err != nil {
		return err
	}
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
		env.say("no damage in %q; %s: of time, or of what is still to be done", s.Path(), counted(n, "passing fault"))
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

// databaseFaults are those of a database; keyOf is the path of the database whose
// master key it is to have.
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
	{"Part", "part", func(f health.Fault) any { return string(f.Part) }},
	{"What", "object", func(f health.Fault) any { return f.Object }},
	{"Fault", "fault", func(f health.Fault) any { return f.Text }},
	{"", "passing", func(f health.Fault) any { return f.Passing }},
}
