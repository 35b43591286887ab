package commands

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/crypto"
	"capf/enroll/liveness"
	"capf/enroll/secrets"
	"capf/internal/apperr"
	"capf/internal/durable"
	"capf/store"
)

func masterKeyRotateCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "rotate", Short: "replace the master key and reseal every secret",
		Privilege: cmdline.OutsideShell,
		About: `The new key is in a file beside the present one whose name ends in .new. It is
created if it is missing; where several hosts use the database, put the same file
on each of them first. All secrets are resealed in one transaction, and every one
is opened with the new key as it is on disk. Only then does the new file replace
the old one, which is kept beside it: older backups can be read only with that.

Stop every serve first. After an interruption, and on the other hosts, run the same
command again to finish.`,
		Example: "capf master-key rotate --yes",
		Output:  cmdline.Object,
		Flags:   []cli.Flag{&cli.BoolFlag{Name: "yes", Usage: "do not ask"}},
		Run: func(c *cli.Context) error {
			return masterKeyRotate(c.Context, env, c.Bool("yes"))
		},
	}
}

func masterKeyRotate(ctx context.Context, env *Env, yes bool) error {
	s, err := env.openStore(ctx)
	if err != nil {
		return err
	}
	file := secrets.MasterKeyFile(s.Path(), env.Getenv)
	// A link is followed: its target is replaced.
	if real, err := filepath.EvalSymlinks(file); err == nil {
		file = real
	}
	next := file + secrets.NextKeyEnd
	sealer, err := secrets.OpenSealer(ctx, s.Reader, file)
	if errors.Is(err, crypto.ErrWrongKey) {
		if _, nerr := secrets.OpenSealer(ctx, s.Reader, next); nerr == nil {
			env.say("the secrets are sealed under the new key already")
			return takeMasterKey(ctx, env, s, file, next)
		}
	}
	if err != nil {
		return err
	}
	if err := noServe(ctx, env, s); err != nil {
		return err
	}
	if err := consentOr(env, "add --yes", yes, "reseal every secret under another master key"); err != nil {
		return err
	}
	fresh, err := nextMasterKey(env, file, next)
	if err != nil {
		return err
	}
	n, err := secrets.Rotate(ctx, s, env.actor(), sealer, fresh)
	if err != nil {
		return err
	}
	env.say("%s resealed", counted(n, "secret"))
	return takeMasterKey(ctx, env, s, file, next)
}

// noServe refuses while a serve uses the database, because it has the present key.
func noServe(ctx context.Context, env *Env, s *store.Store) error {
	servers, err := s.Servers(ctx)
	if err != nil {
		return err
	}
	for _, v := range servers {
		if liveness.Alive(v, env.Now()) {
			return apperr.WithHint(apperr.Refused("serve (pid %d on %s) uses the present key", v.PID, v.Host), "systemctl stop capf")
		}
	}
	return nil
}

// nextMasterKey reads the new key, or creates it for the owner of the present one.
// It is on disk before anything is sealed under it.
func nextMasterKey(env *Env, file, next string) (*crypto.Sealer, error) {
	sealer, err := crypto.LoadMasterKey(next)
	if !errors.Is(err, fs.ErrNotExist) {
		return sealer, err
	}
	if _, err := crypto.CreateMasterKey(next); err != nil {
		return nil, err
	}
	if info, err := os.Stat(file); err == nil && os.Geteuid() == 0 {
		if owner, ok := info.Sys().(*syscall.Stat_t); ok {
			if err := os.Lchown(next, int(owner.Uid), int(owner.Gid)); err != nil {
				return nil, fmt.Errorf("giving %q to the owner of the present key: %w", next, apperr.WithoutPath(err))
			}
		}
	}
	env.say("made the new key %s", next)
	return crypto.LoadMasterKey(next)
}

// takeMasterKey replaces the old key with the new one, if every secret opens with
// it.
func takeMasterKey(ctx context.Context, env *Env, s *store.Store, file, next string) error {
	sealer, err := secrets.OpenSealer(ctx, s.Reader, next)
	if err != nil {
		return err
	}
	if err := secrets.Verify(ctx, s.Reader, sealer); err != nil {
		return apperr.WithHint(fmt.Errorf("with the new key in %q: %w", next, err),
			"both keys stay where they are; capf check lists what does not open")
	}
	kept, err := keepMasterKey(env, file)
	if err != nil {
		return err
	}
	// Whatever happens, there is a key of that name.
	if err := os.Rename(next, file); err != nil {
		return fmt.Errorf("bringing the new key to %q: %w", file, apperr.WithoutPath(err))
	}
	if err := durable.SyncFolderAt(filepath.Dir(file)); err != nil {
		return fmt.Errorf("bringing %q to the disk: %w", filepath.Dir(file), apperr.WithoutPath(err))
	}
	env.say("keep a copy of the new key elsewhere, and the old one with its backups; it is no longer needed on this host")
	return showObject(env, []field{{"Master key", "master_key_file", file}, {"Old key", "old_key_file", kept}})
}

// keepMasterKey gives the old key a second name, with the time of the replacement.
func keepMasterKey(env *Env, file string) (string, error) {
	stem := file + ".before-" + env.Now().UTC().Format("20060102T150405Z")
	kept := stem
	for n := 2; ; n++ {
		err := os.Link(file, kept)
		if err == nil {
			return kept, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return "", fmt.Errorf("keeping the old key %q: %w", file, apperr.WithoutPath(err))
		}
		kept = fmt.Sprintf("%s-%d", stem, n)
	}
}
