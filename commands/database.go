package commands

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"

	"capf/commands/internal/host"
	"capf/enroll/secrets"
	"capf/internal/apperr"
	"capf/store"
)

// databasePath is where the database is: --db, CAPF_DB, the system's place for
// root and the service user, or the user's data directory.
func (env *Env) databasePath() (string, error) {
	if env.Database != "" {
		return env.Database, nil
	}
	if os.Geteuid() == 0 || host.UserName() == "capf" {
		return secrets.SystemDatabase, nil
	}
	dir := env.Getenv("XDG_DATA_HOME")
	if !filepath.IsAbs(dir) { // XDG base directory specification
		home := env.Getenv("HOME")
		if home == "" {
			return "", apperr.WithHint(apperr.Usage("no place for the database is known: HOME is not set"), "--db or CAPF_DB names the database")
		}
		dir = filepath.Join(home, ".local", "share")
	}
	return filepath.Join(dir, "capf", "capf.db"), nil
}

// openStore opens the database for changes; it is closed when the command ends.
func (env *Env) openStore(ctx context.Context) (*store.Store, error) {
	env.goOn()
	return env.openWith(func(path string) (*store.Store, error) {
		return store.Open(ctx, path, store.Options{Now: env.Now})
	})
}

// openFor is openStore for a change that may be a dry run.
func (env *Env) openFor(ctx context.Context, dryRun bool) (*store.Store, error) {
	s, err := env.openStore(ctx)
	if err == nil && dryRun {
		s = s.Rehearsal()
	}
	return s, err
}

// question opens the database for reading. It works on a database that cannot be
// written, for want of a permission or of room; one of an older capf is migrated
// first.
func (env *Env) question(ctx context.Context) (*store.Reader, error) {
	s, err := env.openToAsk(ctx)
	if err != nil {
		return nil, err
	}
	return s.Reader, nil
}

// openToAsk is question for rules that only read.
func (env *Env) openToAsk(ctx context.Context) (*store.Store, error) {
	return env.openWith(func(path string) (*store.Store, error) {
		s, err := store.Open(ctx, path, store.Options{Now: env.Now})
		if !slices.ContainsFunc([]error{store.ErrReadOnly, store.ErrFull, store.ErrDisk, store.ErrUnopened}, func(e error) bool { return errors.Is(err, e) }) {
			return s, err
		}
		looking, lookErr := store.Open(ctx, path, store.Options{Now: env.Now, ReadOnly: true})
		if lookErr != nil && !errors.Is(err, store.ErrReadOnly) {
			return nil, err
		}
		return looking, lookErr
	})
}

// createStore opens the database, and creates it if it is missing.
func createStore(ctx context.Context, env *Env) (*store.Store, error) {
	return env.openWith(func(path string) (*store.Store, error) {
		return store.Create(ctx, path, store.Options{Now: env.Now})
	})
}

func (env *Env) openWith(open func(path string) (*store.Store, error)) (*store.Store, error) {
	if env.store != nil {
		return env.store, nil
	}
	path, err := env.databasePath()
	if err != nil {
		return nil, err
	}
	env.store, err = open(path)
	if errors.Is(err, store.ErrNotFound) {
		return nil, apperr.WithHint(err, "capf init makes it; --db or CAPF_DB names another one")
	}
	return env.store, err
}
