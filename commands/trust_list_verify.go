package commands

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/enroll/authority"
	"capf/enroll/trustlist"
	"capf/internal/apperr"
	"capf/store"
)

type trustListVerifyOptions struct {
	next     string
	held     []string
	capfCert string // "" for those of the database, if there is one
}

func trustListVerifyCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "verify", Args: "NEW", Short: "say whether a phone would take the list or signed file NEW, and why",
		Privilege: cmdline.Look, Role: cmdline.Reader,
		About: `--held names a list that the phone holds now, of capf, CUCM or certutils; without
it, the phone is one that holds none, and takes any list whose signature is valid.
NEW (- is stdin) may be a list, or a file that ends in .sgn or .enc.sgn.

Of a list it also says whether the phone would then connect to CAPF: --capf-cert
names the certificate that CAPF shows. Without it, those of the database are looked
for, if there is one.

It exits with 4 if a phone would refuse NEW, or not find the CAPF certificate in its
lists. That a TVS server may vouch for what is unknown is said, and does not count.`,
		Example: "capf trust-list verify ITLFile.tlv --capf-cert capf.pem",
		Output:  cmdline.Object,
		Flags: []cli.Flag{
			heldFlag(),
			&cli.StringFlag{Name: "capf-cert", Usage: "`FILE` with the certificate that CAPF shows (default: those of the database)"},
		},
		Run: func(c *cli.Context) error {
			return trustListVerify(c.Context, env, trustListVerifyOptions{c.Args().First(), c.StringSlice("held"), c.String("capf-cert")})
		},
	}
}

func trustListVerify(ctx context.Context, env *Env, o trustListVerifyOptions) error {
	next, err := readTrustFile(env, o.next)
	if err != nil {
		return err
	}
	held, err := readHeld(env, o.held)
	if err != nil {
		return err
	}
	if next.list == nil {
		return verifySignedFile(env, next, held)
	}
	v := trustlist.Judge(held, next.list)
	after := trustlist.Replace(held, next.list)
	capf, err := findCAPF(ctx, env, o.capfCert, after)
	if err != nil {
		return err
	}
	fields := append(verdictFields(next, v), capf.fields()...)
	fields = append(fields,
		field{"Takes EC LSCs", "takes_ec_lsc", trustlist.TakesEC(after)},
		field{"Asks for signed files", "signed_files", trustlist.NeedsSignedFiles(after)},
		field{"Asks TVS", "tvs", knowsTVS(after)})
	if err := showObject(env, fields); err != nil {
		return err
	}
	switch {
	case taken(v) && capf.trusted():
		return nil
	case taken(v):
		return apperr.WithHint(apperr.Refused("with %s, a phone does not connect to CAPF: %s", next.name, capf.words()), "%s", capf.hint())
	}
	return apperr.WithHint(apperr.Refused("a phone does not take %s by itself: %s", next.name, v.Reason), "%s", verdictHint(v, held))
}

// verifySignedFile is for configuration files, which say nothing about CAPF.
func verifySignedFile(env *Env, next trustFile, held []*trustlist.List) error {
	if len(held) == 0 {
		return apperr.Usage("%s is a %s, whose signer stands in the phone's list: --held names that", next.name, next.kind())
	}
	v := trustlist.JudgeFile(held, next.file)
	if err := showObject(env, verdictFields(next, v)); err != nil || taken(v) {
		return err
	}
	return apperr.Refused("a phone does not take %s by itself: %s", next.name, v.Reason)
}

func verdictFields(f trustFile, v trustlist.Verdict) []field {
	h := f.header()
	return []field{
		{"Verdict", "verdict", string(v.Outcome)},
		{"Reason", "reason", v.Reason},
		{"Kind", "kind", f.kind()},
		{"File name", "file_name", h.FileName},
		{"Made", "made_at", h.Time},
		{"Signer", "signer", h.SignerName},
	}
}

// taken reports whether the phone needs nobody's help to take it.
func taken(v trustlist.Verdict) bool {
	return v.Outcome == trustlist.Accepted || v.Outcome == trustlist.LeapOfFaith
}

func knowsTVS(lists []*trustlist.List) bool {
	for _, l := range lists {
		if len(l.With(trustlist.RoleTVS)) > 0 {
			return true
		}
	}
	return false
}

func verdictHint(v trustlist.Verdict, held []*trustlist.List) string {
	switch {
	case v.Outcome == trustlist.AskTVS:
		return "TVS vouches for signers of the trust store phone-sast-trust"
	case v.Signer != nil && len(held) > 0:
		return "sign it with a SAST of the list that the phone holds; without that key, its list has to be deleted on the phone"
	}
	return ""
}

// inList is whether a list has the certificates of CAPF.
type inList struct {
	checked []*x509.Certificate // the one that CAPF shows, then one that is being prepared
	missing []*x509.Certificate
	skipped string // why nothing was checked
	tvs     bool
}

// findCAPF looks for the certificates of CAPF in the lists of a phone.
func findCAPF(ctx context.Context, env *Env, file string, lists []*trustlist.List) (inList, error) {
	f := inList{tvs: knowsTVS(lists)}
	if file == "" {
		f.checked, f.skipped = ownCAPF(ctx, env)
	} else {
		certs, err := readCertificates(env, file)
		if err != nil {
			return f, err
		}
		f.checked = certs[:1] // the others are those above it
	}
	for _, cert := range f.checked {
		if trustlist.Find(lists, cert, trustlist.RoleCAPF) == nil {
			f.missing = append(f.missing, cert)
		}
	}
	return f, nil
}

// ownCAPF are the certificates of CAPF in the database, or why there are none.
func ownCAPF(ctx context.Context, env *Env) ([]*x509.Certificate, string) {
	s, err := env.question(ctx)
	if errors.Is(err, store.ErrNotFound) {
		return nil, "there is no --capf-cert, and no database"
	}
	var certs []*x509.Certificate
	if err == nil {
		certs, err = authority.Announced(ctx, s)
	}
	if err != nil {
		return nil, fmt.Sprintf("there is no --capf-cert, and the database does not tell it: %v", err)
	}
	return certs, ""
}

func (f inList) trusted() bool { return len(f.missing) == 0 }

func (f inList) words() string {
	switch {
	case f.skipped != "":
		return "not looked for: " + f.skipped
	case f.trusted():
		return "in the list, with the role capf"
	}
	var names []string
	for _, cert := range f.missing {
		names = append(names, fmt.Sprintf("%q", trustlist.Name(cert.RawSubject)))
	}
	words := fmt.Sprintf("%s is not in the list with the role capf", strings.Join(names, ", "))
	if f.tvs {
		words += "; the phone asks TVS about it"
	}
	return words
}

func (f inList) hint() string {
	if f.tvs {
		return "TVS vouches for the CAPF certificate of its own database; a list that has it is safer: capf trust-list show shows what is in one"
	}
	return "capf trust-list show shows which certificates it has"
}

func (f inList) fields() []field {
	var found any
	if f.skipped == "" {
		found = f.trusted()
	}
	return []field{{"CAPF certificate", "capf_certificate", f.words()}, {"", "capf_trusted", found}}
}
