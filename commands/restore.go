package commands

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/urfave/cli/v2"

	"capf/enroll"
	"capf/store"
)

type restoreOptions struct {
	file       string
	yes        bool
	dryRun     bool
	withFaults bool
}

func restoreCommand() command {
	return command{
		name: "restore", args: "FILE", short: "put a backup in the place of the database",
		about: `The backup is checked first with everything that "capf check" looks at, and with
the master key of the database: one with faults, or with the secrets of another
key, is refused, and --with-faults takes one with faults nevertheless. A running
serve has to be stopped before; a dry run only notes that there is one. Then the
backup takes the place of the database at once, and the old database is kept
beside it.

Certificates that phones got after the backup are not in it, and so authenticate
nobody, as long as accept_unrecorded_lsc is false. Others go on to take them; but
their serial numbers are not listed any more, so that they cannot be revoked, and
operations that were completed since are scheduled again.`,
		example: "capf restore capf-backup.db --dry-run",
		output:  list,
		flags: append(removalFlags(),
			&cli.BoolFlag{Name: "with-faults", Usage: "restore a backup in which faults were found"}),
		run: func(env *Env, c *cli.Context) error {
			return restore(c.Context, env, restoreOptions{c.Args().First(), c.Bool("yes"), c.Bool("dry-run"), c.Bool("with-faults")})
		},
	}
}

func restore(ctx context.Context, env *Env, o restoreOptions) error {
	if o.file == "-" {
		return usagef("a backup comes from a file")
	}
	path, err := env.databasePath()
	if err != nil {
		return err
	}
	backup, err := os.Stat(o.file)
	if err != nil {
		return fmt.Errorf("reading the backup %q: %w", o.file, pathless(err))
	}
	present, err := os.Stat(path)
	exists := err == nil
	if exists && os.SameFile(backup, present) {
		return &kindError{enroll.ErrRefused, fmt.Sprintf("%q is the database itself", o.file)}
	}
	if exists && o.dryRun { // so a backup is checked while serve runs
		if err := env.mayReplace(ctx, path); err != nil {
			env.say("note: not now: %s", err)
		}
	} else if exists {
		if err := env.mayReplace(ctx, path); err != nil {
			return err
		}
		if err := env.consent(o.yes, "replace the database %s", path); err != nil {
			return err
		}
	}
	return env.restore(ctx, path, o)
}

// mayReplace refuses while a serve works with the database. One that cannot be
// opened, which may be why it is to be replaced, has no say.
func (env *Env) mayReplace(ctx context.Context, path string) (err error) {
	s, err := store.Open(ctx, path, store.Options{Now: env.Now, ReadOnly: true})
	if err != nil {
		env.say("note: the present database tells nothing of a running serve: %s", err)
		return nil
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	servers, err := s.Servers(ctx)
	if err != nil {
		env.say("note: the present database tells nothing of a running serve: %s", err)
		return nil
	}
	for _, v := range servers {
		if enroll.Alive(v, env.Now()) {
			return withHint(&kindError{enroll.ErrRefused, fmt.Sprintf("serve (pid %d on %s) works with %q", v.PID, v.Host, path)},
				"systemctl stop capf")
		}
	}
	return nil
}

func (env *Env) restore(ctx context.Context, path string, o restoreOptions) error {
	// A signal ends it before the exchange, and no draft is left. So does the end
	// of the terminal.
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	p := env.progress()
	kept, err := store.Restore(ctx, store.Restoration{
		From: o.file, To: path, DryRun: o.dryRun,
		Progress: func(done, total int) { p.show("reading the backup: %d%%", 100*done/max(total, 1)) },
		Inspect: func(s *store.Store) error {
			p.end()
			return env.judgeBackup(ctx, s, path, o)
		},
	}, store.Options{Now: env.Now})
	p.end()
	switch {
	case errors.Is(err, store.ErrInUse):
		return withHint(&kindError{enroll.ErrRefused, err.Error()}, "stop what works with it: a serve, a capf shell, sqlite3")
	case errors.Is(err, store.ErrForeign):
		return withHint(err, "FILE is what capf backup has written")
	case err != nil:
		return err
	case o.dryRun:
		env.say("the backup can be restored")
	case kept != "":
		env.say("restored %s; the database before it is %s", path, kept)
	default:
		env.say("restored %s", path)
	}
	if !o.dryRun {
		env.say("note: phones do not authenticate with certificates that they got after the backup")
		env.say("hint: until they have new ones: capf set accept_unrecorded_lsc true")
	}
	return nil
}

// judgeBackup lists the faults of a backup and refuses it for those that speak
// against it.
func (env *Env) judgeBackup(ctx context.Context, s *store.Store, path string, o restoreOptions) error {
	n, damaged, locked := 0, 0, false
	faults := env.faults(ctx, s, path)
	err := showList(env, tallied(func(yield func(enroll.Fault, error) bool) {
		for f, err := range faults {
			if err == nil && !f.Passing {
				damaged++
				locked = locked || f.Part == enroll.PartMasterKey
			}
			if !yield(f, err) {
				return
			}
		}
	}, &n), faultColumns, "nothing is wrong with the backup")
	switch {
	case err != nil:
		return err
	case locked && !o.withFaults:
		return withHint(&kindError{enroll.ErrRefused, "the secrets in the backup cannot be read with the master key in " + enroll.MasterKeyFile(path, env.Getenv)},
			"name the key of the backup with CAPF_MASTER_KEY_FILE, or put it there")
	case damaged > 0 && !o.withFaults:
		return withHint(fmt.Errorf("%s in the backup %q", counted(damaged, "fault"), o.file), "--with-faults restores it nevertheless")
	case o.dryRun:
		return nil
	}
	return s.AddEvent(ctx, store.Event{Actor: env.actor(), Action: "restore", Detail: fmt.Sprintf("%s, with %s", o.file, counted(n, "fault"))})
}
