package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/files"
	"capf/crypto"
	"capf/enroll/backup"
	"capf/enroll/secrets"
	"capf/internal/apperr"
	"capf/store"
)

func backupCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "backup", Args: "FILE", Short: "write a copy of the database, even while phones enroll",
		Role: cmdline.Operator,
		About: `The copy is the database as it was at one moment. It appears complete, on disk,
read back and with mode 0600, or not at all. An existing file is replaced only
with --yes.

The master key is not in it. Without the key the CAPF private key, authentication
strings and passwords in the copy cannot be read: keep a copy of the key too, but
elsewhere, because both together give access to the CAPF private key.

The copy carries an authenticator under a key derived from the master key, by
which "capf restore" can tell whether the copy was changed.

Keep the last event and its hash apart from the copy: they show later whether the
record of events was forged.`,
		Example: "capf backup capf-backup.db",
		Output:  cmdline.Object,
		Flags:   []cli.Flag{&cli.BoolFlag{Name: "yes", Usage: "replace an existing file"}},
		Run: func(c *cli.Context) error {
			return backUp(c.Context, env, c.Args().First(), c.Bool("yes"))
		},
	}
}

func backUp(ctx context.Context, env *Env, file string, yes bool) error {
	if file == "-" {
		return apperr.WithHint(apperr.Usage("a backup goes to a file, because it is read back"), "write it to a file and send that on")
	}
	s, err := env.openToAsk(ctx)
	if err != nil {
		return err
	}
	key := secrets.MasterKeyFile(s.Path(), env.Getenv)
	if err := mayBackup(env, file, s.Path(), key, yes); err != nil {
		return err
	}
	// A signal ends the copying, so that no temporary file is left.
	ctx, stop := env.untilSignal(ctx)
	defer stop()
	sign, err := signing(ctx, env, s.Reader, key)
	if err != nil {
		return err
	}
	p := env.progress()
	copied, err := writeBackup(ctx, env, s.Reader, file, sign, func(done, total int) { p.Show("backing up: %d%%", 100*done/max(total, 1)) })
	p.End()
	if err != nil {
		return err
	}
	// A copy of the database deserves an event, but a backup is needed most
	// when nothing can be written any more.
	if err := backup.Record(context.WithoutCancel(ctx), s, env.actor(), file, copied); err != nil {
		env.say("warning: the backup is complete, but not recorded: %s", err)
	}
	env.say("the master key is not in it: keep a copy of %s elsewhere; without it the secrets in the backup cannot be read", key)
	return showObject(env, []field{
		{"Backup", "file", file},
		{"Bytes", "bytes", copied.Bytes},
		{"SHA-256", "sha256", copied.SHA256},
		{"Devices", "devices", copied.Devices},
		{"Last event", "last_event", copied.Events},
		{"Hash of it", "last_event_hash", copied.EventHash},
		{"Authenticated", "authenticated", sign != nil},
		{"Includes master key", "master_key_included", false},
		{"", "master_key_file", key},
	})
}

// writeBackup has SQLite write the file, which it can only do by name. In the
// shell, where names are valid only within its folder, the copy is moved there.
func writeBackup(ctx context.Context, env *Env, s *store.Reader, file string, sign store.Sign, progress func(done, total int)) (store.Copied, error) {
	if env.confined == nil {
		return s.Backup(ctx, file, sign, progress)
	}
	return s.CopyOut(ctx, sign, progress, func(from io.Reader) error {
		return files.File{Door: env.door(), Name: file, Mode: 0o600}.Write(func(to io.Writer) error {
			_, err := io.Copy(to, from)
			return err
		})
	})
}

// signing gives a backup its authenticator. It is nil without the master key:
// a backup without an authenticator is better than none.
func signing(ctx context.Context, env *Env, s *store.Reader, key string) (store.Sign, error) {
	sealer, err := secrets.OpenSealer(ctx, s, key)
	switch {
	case errors.Is(err, crypto.ErrOpenKey), errors.Is(err, crypto.ErrWrongKey):
		return nil, err
	case err != nil:
		env.say("warning: the backup carries no authenticator, and restore will ask for --accept-changed: %s", err)
		return nil, nil
	}
	return backup.Sign(sealer), nil
}

// mayBackup refuses a place that must not be written to, and asks for consent
// where it is needed.
func mayBackup(env *Env, file, database, key string, yes bool) error {
	ours := apperr.Refused("%q is a file that capf uses", file)
	own := ownFiles(database, key)
	if slices.Contains(own, place(file)) {
		return ours
	}
	there, err := env.door().Stat(file)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(file); err == nil && env.confined == nil {
			return apperr.Refused("%q is a link that leads to nothing", file)
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("backing up to %q: %w", file, apperr.WithoutPath(err))
	}
	if there.IsDir() {
		return apperr.WithHint(apperr.Usage("backing up to %q: it is a directory", file),
			"name a file, such as %s", filepath.Join(file, "capf-backup.db"))
	}
	for _, name := range own {
		if info, err := os.Stat(name); err == nil && os.SameFile(info, there) {
			return ours
		}
	}
	if !there.Mode().IsRegular() {
		return apperr.Refused("%q is not a regular file", file)
	}
	if env.Prompt == nil && !yes {
		return apperr.WithHint(apperr.Refused("%q exists already", file), "--yes replaces it")
	}
	return env.consent(yes, "replace %s", file)
}

// ownFiles are the places of the files that capf uses, whether or not they
// exist: SQLite makes those beside the database when it needs them.
func ownFiles(database, key string) []string {
	own := []string{place(key), place(database)}
	if real, err := filepath.EvalSymlinks(key); err == nil {
		own = append(own, place(real))
	}
	// SQLite follows a link before it names the files beside it.
	if real, err := filepath.EvalSymlinks(database); err == nil {
		database = real
	}
	return append(own, store.Files(place(database))...)
}

// place is where a file is, or would be: its name in its folder, with links in
// the folder's name resolved.
func place(file string) string {
	folder, name := filepath.Split(file)
	folder, err := filepath.Abs(folder)
	if err != nil {
		return file
	}
	if real, err := filepath.EvalSymlinks(folder); err == nil {
		folder = real
	}
	return filepath.Join(folder, name)
}
