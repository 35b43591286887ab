package commands

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/files"
	"capf/crypto"
	"capf/crypto/keyfile"
	"capf/enroll/authority"
	"capf/enroll/lists"
	"capf/internal/apperr"
	"capf/store"
)

type trustListAddOptions struct {
	certificate, key string // names of files
	roles            []store.ListRole
	dnsName          string
	yes, dryRun      bool
}

func trustListAddCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "add", Args: "CERT", Short: "have trust lists carry a certificate",
		Role: cmdline.Admin,
		About: `CERT is a file with the certificate of a server, as PEM, DER, PKCS#7 or base64; - is
stdin. Of a chain, lists carry the server's own certificate. A certificate may stand
in a list with several roles:

  ccm         a call server, for SIP or SCCP over TLS
  tftp        RSA: what signs files for phones; EC: HTTPS on port 6971
  ccm+tftp    both
  tvs         another Trust Verification Service than that of capf
  app-server  HTTPS servers of phone services

With the role tftp or ccm+tftp, phones ask for every file that is no firmware as
NAME.sgn, signed with this certificate, and take no other. That needs --yes. With
--key, capf keeps the private key, sealed, and signs files.

Keys of RSA up to 2048 bits and of the curves P-256, P-384 and P-521 are what phones
handle; only RSA signs. A certificate that is there already takes --dns-name and
--key.

The CAPF certificate, that of the service tvs and the keys that sign lists stand in
them by themselves.`,
		Example: "capf trust-list add asterisk.pem --role ccm --dry-run",
		Output:  cmdline.List, Columns: headings(addedColumns),
		Flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "role", Usage: "what it is for, a `ROLE`: " + strings.Join(lists.MemberRoles(), ", ") + "; may be repeated"},
			&cli.StringFlag{Name: "key", Usage: "`FILE` with its private key, PEM without a password; - is stdin"},
			&cli.StringFlag{Name: "dns-name", Usage: "`NAME` or address of the server, for the record"},
			&cli.BoolFlag{Name: "yes", Usage: "do not ask"},
			&cli.BoolFlag{Name: "dry-run", Usage: "only show what would be done"},
			bypassFlag(),
		},
		Run: func(c *cli.Context) error {
			o, err := trustListAddChoice(c)
			if err != nil {
				return err
			}
			return trustListAdd(c.Context, env, o)
		},
	}
}

func trustListAddChoice(c *cli.Context) (o trustListAddOptions, err error) {
	o = trustListAddOptions{certificate: c.Args().First(), key: c.String("key"), dnsName: c.String("dns-name"), yes: c.Bool("yes"), dryRun: c.Bool("dry-run")}
	for _, words := range c.StringSlice("role") {
		for word := range strings.SplitSeq(words, ",") {
			role, err := lists.ParseRole(strings.TrimSpace(word))
			if err != nil {
				return o, apperr.WithHint(apperr.Usage("--role: %v", err), "%s", hint(err))
			}
			if !slices.Contains(o.roles, role) {
				o.roles = append(o.roles, role)
			}
		}
	}
	switch {
	case len(o.roles) == 0:
		return o, apperr.WithHint(apperr.Usage("--role is missing"), "it is %s", strings.Join(lists.MemberRoles(), ", "))
	case o.certificate == "-" && o.key == "-":
		return o, apperr.Usage("CERT and --key cannot both be stdin")
	}
	return o, nil
}

func trustListAdd(ctx context.Context, env *Env, o trustListAddOptions) error {
	n, err := newMember(env, o)
	if err != nil {
		return err
	}
	s, err := env.openFor(ctx, o.dryRun)
	if err != nil {
		return err
	}
	if err := agreeToSigned(ctx, env, s, n, o); err != nil {
		return err
	}
	added, err := approvals(env, s).Lists().AddMember(ctx, n)
	if err != nil {
		return fmt.Errorf("trust-list add: %w", err)
	}
	advice, err := n.Advice(ctx, s.Reader, env.Now())
	if err != nil {
		return err
	}
	if exist, err := lists.Exist(ctx, s.Reader); err != nil {
		return err
	} else if !exist {
		env.say("there are no trust lists yet: capf trust-list init makes the keys that sign them")
	}
	if o.dryRun {
		for i, a := range added {
			if a.Outcome != store.TrustSame {
				added[i].Outcome = "would be " + a.Outcome
			}
		}
	}
	if err := showList(env, values(added), addedColumns, ""); err != nil {
		return err
	}
	env.warn(advice)
	return nil
}

// newMember reads the files.
func newMember(env *Env, o trustListAddOptions) (n lists.NewMember, err error) {
	n = lists.NewMember{Roles: o.roles, DNSName: o.dnsName}
	data, err := env.readInput(o.certificate, certificateLimit)
	if err != nil {
		return n, err
	}
	certificates, err := authority.UploadFile{Name: o.certificate, Data: data}.Certificates()
	if err != nil {
		return n, apperr.WithHint(fmt.Errorf("reading %w", err), "%s", trustFileHint(data))
	}
	if n.Certificate, err = lists.Own(certificates); err != nil {
		return n, fmt.Errorf("reading %s: %w", files.InputName(o.certificate), err)
	}
	if above := len(certificates) - 1; above > 0 {
		env.say("lists carry %s; the other %s of the file are left out", crypto.DisplayName(n.Certificate), counted(above, "certificate"))
	}
	if o.key == "" {
		return n, nil
	}
	if data, err = env.readInput(o.key, certificateLimit); err != nil {
		return n, err
	}
	defer clear(data)
	pair, err := keyfile.Read(slices.Concat(crypto.CertificatePEM(n.Certificate.Raw), data), func() (string, error) { return "", nil })
	if err != nil {
		return n, apperr.WithHint(apperr.Refused("reading %s: %v", files.InputName(o.key), err), "%s", hint(err))
	}
	n.Key = pair.Key
	return n, nil
}

// agreeToSigned asks whether phones are to take signed files only, if that is new.
func agreeToSigned(ctx context.Context, env *Env, s *store.Store, n lists.NewMember, o trustListAddOptions) error {
	if !n.SignsFiles() || o.dryRun {
		return nil
	}
	signed, err := lists.WantSigned(ctx, s.Reader)
	if err != nil || signed {
		return err
	}
	env.say("phones that get the next list ask for every file that is no firmware as NAME.sgn, and take none that is not signed")
	return env.consent(o.yes, "have phones take signed files only")
}

// addedColumns are the properties of what was put into lists.
var addedColumns = []column[lists.Added]{
	{"ID", "id", always, func(a lists.Added) any {
		if a.ID == 0 {
			return nil
		}
		return a.ID
	}},
	{"Role", "role", always, func(a lists.Added) any { return string(a.Role) }},
	{"Subject", "subject", always, func(a lists.Added) any { return a.Subject }},
	{"Outcome", "outcome", always, func(a lists.Added) any { return string(a.Outcome) }},
	{"Key", "key", usual, func(a lists.Added) any { return a.SealedKey != nil }},
	{"DNS name", "dns_name", seldom, func(a lists.Added) any { return a.DNSName }},
	{"SHA-256", "fingerprint_sha256", wide, func(a lists.Added) any { return a.Fingerprint }},
}
