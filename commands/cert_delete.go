package commands

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v2"
)

func certDeleteCommand() command {
	return command{
		name: "delete", args: "ID...", short: "take certificates out of the trust stores",
		about: `ID is the number in the list, or the beginning of the SHA-256 fingerprint, which
stands for the certificate in every store. Phones whose certificates chain only
to it can no longer authenticate with them.`,
		example: "capf cert delete 1 --dry-run",
		output:  list, flags: removalFlags(),
		run: func(env *Env, c *cli.Context) error { return certDelete(c.Context, env, removal(c)) },
	}
}

func certDelete(ctx context.Context, env *Env, o removeOptions) error {
	s, err := env.openStore(ctx)
	if err != nil {
		return err
	}
	found, err := findTrust(ctx, s, o.names)
	if err != nil {
		return err
	}
	if o.dryRun {
		env.say("%s would be deleted", counted(len(found), "certificate"))
		return showList(env, values(found), trustColumns(env.Now()), "")
	}
	if err := env.consent(o.yes, "delete %s", counted(len(found), "trust certificate")); err != nil {
		return err
	}
	for i, t := range found {
		if err := s.DeleteTrust(ctx, env.actor(), t.ID); err != nil {
			if i > 0 {
				return fmt.Errorf("%w: %d of %d are deleted, then: %w", errPartly, i, len(found), err)
			}
			return err
		}
	}
	return env.sayRemoved(int64(len(found)), "trust certificate")
}
