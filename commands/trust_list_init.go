package commands

import (
	"context"
	"crypto/rand"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/enroll/lists"
	"capf/store"
)

func trustListInitCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "init", Short: "make the keys that sign trust lists: a SAST and a spare",
		Role: cmdline.Admin,
		About: `A phone takes its first trust list from anybody, and every later one only if a SAST
(System Administrator Security Token) has signed it that stands in the list which it
has. So whoever loses these keys has to touch each phone to delete its list. Keep a
copy of both off this machine: capf trust-list sast export. A backup has them too; it
needs the master key.

What exists is left alone, so the command can be repeated; a spare that is missing is
made. The certificates are self-signed, have RSA keys of 2048 bits, are valid for
twenty years and bear the name of the CAPF certificate. If you have the keys of
another server whose lists the phones hold, import them instead, before anything
else: capf trust-list sast import.`,
		Example: "capf trust-list init",
		Output:  cmdline.Object,
		Flags:   []cli.Flag{bypassFlag()},
		Run:     func(c *cli.Context) error { return trustListInit(c.Context, env) },
	}
}

func trustListInit(ctx context.Context, env *Env) error {
	s, err := env.openStore(ctx)
	if err != nil {
		return err
	}
	signer, spare, err := approvals(env, s).Lists().Init(ctx)
	if err != nil {
		return err
	}
	switch {
	case signer:
		env.say("made the key that signs trust lists, and a spare")
	case spare:
		env.say("made a spare; the key that signs trust lists exists")
	default:
		env.say("the keys of trust lists exist, nothing was changed")
	}
	st, err := lists.Stand(ctx, s.Reader)
	if err != nil {
		return err
	}
	if err := showObject(env, append([]field{{"", "created", signer || spare}}, standingFields(st)...)); err != nil {
		return err
	}
	sayKeeping(env, st)
	if signer {
		env.say("next: capf trust-list write --out DIR for a TFTP or web server, or capf service activate provision")
	}
	return nil
}

// sayKeeping says how to keep the keys of which no copy is known, and why.
func sayKeeping(env *Env, st lists.Standing) {
	var commands []string
	for i, k := range st.All() {
		if k.CopiedAt.IsZero() {
			commands = append(commands, []string{"capf trust-list sast export --out sast.p12", "capf trust-list sast export --spare --out spare.p12"}[i])
		}
	}
	if commands == nil {
		return
	}
	env.say("keep a copy off this machine: without these keys, each phone has to be touched before it takes another list")
	for _, command := range commands {
		env.say("hint: %s", command)
	}
}

// standingFields say who signs trust lists, and who is next.
func standingFields(st lists.Standing) []field {
	fields := []field{
		{"Signer", "signer_subject", st.Signer.Certificate.Subject.String()},
		{"SHA-256", "signer_fingerprint_sha256", st.Signer.Fingerprint},
		{"Valid until", "signer_not_after", st.Signer.Certificate.NotAfter},
		{"Signs since", "signs_since", st.SignsSince},
	}
	if st.Spare == nil {
		return append(fields, field{"Spare", "spare_subject", nil}, field{"", "spare_fingerprint_sha256", nil}, field{"", "spare_not_after", nil},
			field{"", "spare_listed_at", nil}, field{"", "spare_signed_until", nil}, field{"", "spare_signs_from", nil})
	}
	ceased, due := labelIf(st.Unfinished(), "It signed until"), labelIf(!st.DueAt.IsZero(), "It signs from")
	return append(fields,
		field{"Spare", "spare_subject", st.Spare.Certificate.Subject.String()},
		field{"SHA-256", "spare_fingerprint_sha256", st.Spare.Fingerprint},
		field{"Valid until", "spare_not_after", st.Spare.Certificate.NotAfter},
		field{"In lists since", "spare_listed_at", st.Spare.ListedAt},
		field{ceased, "spare_signed_until", orNone(st.Spare.CeasedAt)},
		field{due, "spare_signs_from", orNone(st.DueAt)})
}

// listSigning are the rules for the keys of lists, without approval: for what changes
// nobody's trust.
func listSigning(ctx context.Context, env *Env, s *store.Store) (lists.Signing, error) {
	sealer, err := openSealer(ctx, env, s.Reader)
	return lists.Signing{Store: s, Sealer: sealer, Now: env.Now, Rand: rand.Reader}, err
}
