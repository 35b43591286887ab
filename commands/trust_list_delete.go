package commands

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/enroll/lists"
	"capf/internal/apperr"
	"capf/store"
)

func trustListDeleteCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "delete", Args: "ID...", Short: "take certificates out of trust lists",
		Role: cmdline.Admin,
		About: `ID is the number in the list, or the beginning of the SHA-256 fingerprint, which
means the certificate in all its roles. Phones that get the next list no longer trust
it. A key that capf keeps with it is deleted too.

What has no number stands in lists by itself: the keys that sign them, the CAPF
certificate and that of the service tvs.`,
		Example: "capf trust-list delete 1 --dry-run",
		Output:  cmdline.List, Columns: headings(memberColumns),
		Flags: append([]cli.Flag{bypassFlag()}, removalFlags()...),
		Run: func(c *cli.Context) error {
			return trustListDelete(c.Context, env, removal(c))
		},
	}
}

func trustListDelete(ctx context.Context, env *Env, o removeOptions) error {
	s, err := env.openStore(ctx)
	if err != nil {
		return err
	}
	found, err := findMembers(ctx, s.Reader, o.names)
	if err != nil {
		return err
	}
	sayImpact(env, lists.Lost(found))
	return carryOutRemoval(ctx, env, o, s, removing{counted(len(found), "certificate") + " from the trust lists", "certificate",
		func(ctx context.Context, s *store.Store) (int64, error) {
			return int64(len(found)), approvals(env, s).Lists().DeleteMembers(ctx, found)
		},
		func() error { return showList(env, values(found), memberColumns, "") },
	})
}

// findMembers finds certificates in trust lists by their numbers or fingerprints.
func findMembers(ctx context.Context, s *store.Reader, names []string) (found []store.ListMember, err error) {
	all, err := s.ListMembers(ctx)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		some, err := membersNamed(all, name)
		if err != nil {
			return nil, err
		}
		found = append(found, some...)
	}
	slices.SortFunc(found, func(a, b store.ListMember) int { return int(a.ID - b.ID) })
	return slices.CompactFunc(found, func(a, b store.ListMember) bool { return a.ID == b.ID }), nil
}

func membersNamed(all []store.ListMember, name string) (found []store.ListMember, err error) {
	print := strings.ToLower(strings.ReplaceAll(name, ":", ""))
	for _, m := range all {
		if strconv.FormatInt(m.ID, 10) == name {
			return []store.ListMember{m}, nil
		}
		if !shortPrint(print) && strings.HasPrefix(m.Fingerprint, print) {
			found = append(found, m)
		}
	}
	if len(found) == 0 {
		return nil, apperr.WithHint(fmt.Errorf("certificate %q in the trust lists: %w", name, store.ErrNotFound), "capf trust-list list shows the ids")
	}
	for _, m := range found[1:] {
		if m.Fingerprint != found[0].Fingerprint {
			return nil, apperr.WithHint(apperr.Usage("%q is the beginning of several fingerprints: %s of %s and %s of %s",
				name, found[0].Fingerprint, found[0].Subject, m.Fingerprint, m.Subject), "give more of it, or the id of capf trust-list list")
		}
	}
	return found, nil
}

// memberColumns are the properties of a certificate that an operator has put into lists.
var memberColumns = []column[store.ListMember]{
	{"ID", "id", always, func(m store.ListMember) any { return m.ID }},
	{"Role", "role", always, func(m store.ListMember) any { return string(m.Role) }},
	{"Subject", "subject", always, func(m store.ListMember) any { return m.Subject }},
	{"Key", "key", usual, func(m store.ListMember) any { return m.SealedKey != nil }},
	{"DNS name", "dns_name", seldom, func(m store.ListMember) any { return m.DNSName }},
	{"SHA-256", "fingerprint_sha256", wide, func(m store.ListMember) any { return m.Fingerprint }},
	{"Added", "added_at", wide, func(m store.ListMember) any { return m.AddedAt }},
}
