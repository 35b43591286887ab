package commands

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"capf/crypto"
	"capf/enroll/backup"
	"capf/enroll/directory"
	"capf/enroll/health"
	"capf/enroll/secrets"
	"capf/internal/apperr"
	"capf/store"
)

// checkBackup lists the faults of a backup and what would be different with it,
// and refuses it unless it may be restored.
func checkBackup(ctx context.Context, env *Env, s *store.Store, seal store.Seal, path string, o restoreOptions) error {
	n, damaged, locked := 0, 0, false
	counting := func(list iter.Seq2[health.Fault, error]) iter.Seq2[health.Fault, error] {
		return func(yield func(health.Fault, error) bool) {
			for f, err := range list {
				if err == nil && !f.Passing {
					damaged++
					locked = locked || f.Part == health.PartMasterKey
				}
				if !yield(f, err) {
					return
				}
			}
		}
	}
	if err := showList(env, tallied(counting(databaseFaults(ctx, env, s.Reader, path)), &n), faultColumns, "nothing is wrong with the backup"); err != nil {
		return err
	}
	if err := sayDifferences(ctx, env, path, s); err != nil {
		return err
	}
	authentic, changed := checkSeal(ctx, env, s, seal, path, o.acceptChanged)
	if locked && !o.withFaults {
		return apperr.WithHint(apperr.Refused("the secrets in the backup cannot be read with the master key in %s", secrets.MasterKeyFile(path, env.Getenv)),
			"name the key of the backup with CAPF_MASTER_KEY_FILE, or put it there")
	}
	if damaged > 0 && !o.withFaults {
		return apperr.WithHint(fmt.Errorf("%s in the backup %q", counted(damaged, "fault"), o.file), "--with-faults restores it anyway")
	}
	if changed != nil || o.dryRun {
		return changed
	}
	if o.replaces {
		if err := env.consent(o.yes, "replace the database %s", path); err != nil {
			return err
		}
	}
	return backup.RecordRestore(ctx, s, env.actor(), o.file, n, authentic)
}

// checkSeal says whether the backup is what capf wrote, in words for the record.
// It is refused when somebody may have changed it, unless that is accepted.
func checkSeal(ctx context.Context, env *Env, s *store.Store, seal store.Seal, path string, accept bool) (string, error) {
	file := secrets.MasterKeyFile(path, env.Getenv)
	sealer, err := secrets.OpenSealer(ctx, s.Reader, file)
	if err != nil {
		// Whoever changes a backup can also remove what reveals a wrong key.
		if _, unread := crypto.LoadMasterKey(file); unread == nil && !accept {
			return "", apperr.WithHint(apperr.Refused("the backup was changed after capf wrote it, or was written under another master key: %v", err),
				"look at what would be different, and into the backup; --accept-changed restores it nevertheless")
		}
		env.say("warning: whether the backup was changed cannot be verified: %s", err)
		return "not verified", nil
	}
	err = backup.Verify(sealer, seal)
	switch {
	case err == nil:
		env.say("the backup is as capf wrote it")
		return "as capf wrote it", nil
	case !accept:
		return "", apperr.WithHint(err, "look at what would be different, and into the backup; --accept-changed restores it nevertheless")
	}
	env.say("warning: %s", err)
	return "accepted although " + err.Error(), nil
}

// sayDifferences lists what would behave differently: a backup may bring back a
// program, a trust anchor or an address that was removed for a reason.
func sayDifferences(ctx context.Context, env *Env, path string, restored *store.Store) (err error) {
	var now *store.Reader // nil when there is no database yet
	present, err := store.Open(ctx, path, store.Options{Now: env.Now, ReadOnly: true})
	if err != nil {
		if !errors.Is(err, store.ErrNotFound) {
			env.say("note: the differences cannot be determined: %s", err)
			return nil
		}
	} else {
		now = present.Reader
		defer func() { err = errors.Join(err, present.Close()) }()
	}
	all, err := backup.Differences(ctx, now, restored.Reader)
	if err != nil {
		return err
	}
	directories, err := directory.Differences(ctx, present, restored)
	if err != nil {
		return err
	}
	for _, d := range append(all, directories...) {
		env.say("different: %s", d)
	}
	impact, err := backup.OnPhones(ctx, now, restored.Reader)
	for _, one := range impact {
		env.say("impact: %s", one.What)
		if one.Hint != "" {
			env.say("hint: %s", one.Hint)
		}
	}
	return err
}
