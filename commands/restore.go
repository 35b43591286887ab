package commands

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/enroll/liveness"
	"capf/internal/apperr"
	"capf/store"
)

type restoreOptions struct {
	file       string
	yes        bool
	dryRun     bool
	withFaults bool
	// acceptChanged accepts a backup that somebody without the master key may have
	// changed.
	acceptChanged bool
	replaces      bool // whether there is a database
}

func restoreCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "restore", Args: "FILE", Short: "replace the database with a backup",
		Privilege: cmdline.OutsideShell,
		About: `The backup is first checked as "capf check" would, with the master key of the
database. One with faults is refused without --with-faults; one whose secrets
belong to another key is always refused. A backup that was changed by somebody
without the master key, or that has no authenticator, is refused without
--accept-changed; without the key this cannot be verified. Stop a running serve
first; a dry run only notes that there is one.

Differences are listed: parameters, among them the program that is run, the issuer
and the addresses, the CAPF certificate, trust certificates, the keys and
certificates of trust lists, and directories. Then the backup replaces the database
in one step, and the old database is kept beside it.

Certificates that phones got after the backup are not in it, and so are not
accepted while accept_unrecorded_lsc is false. Other systems still accept them, but
they are no longer listed, so they cannot be revoked. Operations that were
completed since are scheduled again.`,
		Example: "capf restore capf-backup.db --dry-run",
		Output:  cmdline.List, Columns: headings(faultColumns),
		Flags: append(removalFlags(),
			&cli.BoolFlag{Name: "with-faults", Usage: "restore a backup in which faults were found"},
			&cli.BoolFlag{Name: "accept-changed", Usage: "restore a backup that may have been changed since capf wrote it"}),
		Run: func(c *cli.Context) error {
			return restore(c.Context, env, restoreOptions{file: c.Args().First(), yes: c.Bool("yes"), dryRun: c.Bool("dry-run"),
				withFaults: c.Bool("with-faults"), acceptChanged: c.Bool("accept-changed")})
		},
	}
}

func restore(ctx context.Context, env *Env, o restoreOptions) error {
	if o.file == "-" {
		return apperr.Usage("a backup comes from a file")
	}
	path, err := env.databasePath()
	if err != nil {
		return err
	}
	backup, err := os.Stat(o.file)
	if err != nil {
		return fmt.Errorf("reading the backup %q: %w", o.file, apperr.WithoutPath(err))
	}
	present, err := os.Stat(path)
	exists := err == nil
	if exists && os.SameFile(backup, present) {
		return apperr.Refused("%q is the database itself", o.file)
	}
	if exists && o.dryRun { // a dry run checks a backup even while serve runs
		if err := mayReplace(ctx, env, path); err != nil {
			env.say("note: not now: %s", err)
		}
	} else if exists {
		if err := mayReplace(ctx, env, path); err != nil {
			return err
		}
		if env.Prompt == nil && !o.yes { // the question comes after what it is about
			return env.consent(o.yes, "replace the database %s", path)
		}
	}
	o.replaces = exists
	return replaceDatabase(ctx, env, path, o)
}

// mayReplace refuses while a serve uses the database. A database that cannot be
// opened, which may be the reason to replace it, cannot object.
func mayReplace(ctx context.Context, env *Env, path string) (err error) {
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
		if liveness.Alive(v, env.Now()) {
			return apperr.WithHint(apperr.Refused("serve (pid %d on %s) uses %q", v.PID, v.Host, path), "systemctl stop capf")
		}
	}
	return nil
}

func replaceDatabase(ctx context.Context, env *Env, path string, o restoreOptions) error {
	// A signal ends it before the replacement, and no temporary file is left.
	ctx, stop := env.untilSignal(ctx)
	defer stop()
	p := env.progress()
	kept, err := store.Restore(ctx, store.Restoration{
		From: o.file, To: path, DryRun: o.dryRun,
		Progress: func(done, total int) { p.Show("reading the backup: %d%%", 100*done/max(total, 1)) },
		Inspect: func(s *store.Store, seal store.Seal) error {
			p.End()
			return checkBackup(ctx, env, s, seal, path, o)
		},
	}, store.Options{Now: env.Now})
	p.End()
	switch {
	case errors.Is(err, store.ErrInUse):
		return apperr.WithHint(apperr.Refused("%v", err), "stop whatever uses it: a serve, a capf shell, sqlite3")
	case errors.Is(err, store.ErrForeign):
		return apperr.WithHint(err, "FILE is what capf backup has written")
	case err != nil:
		return err
	case o.dryRun:
		env.say("the backup can be restored")
	case kept != "":
		env.say("restored %s; the previous database is %s", path, kept)
	default:
		env.say("restored %s", path)
	}
	if !o.dryRun {
		env.say("note: phones do not authenticate with certificates that they got after the backup")
		env.say("hint: until they have new ones: capf set accept_unrecorded_lsc true")
	}
	return nil
}
