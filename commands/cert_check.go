package commands

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/files"
	"capf/commands/internal/term"
	"capf/crypto"
	"capf/enroll/authority"
	"capf/enroll/health"
	"capf/internal/apperr"
	"capf/store"
)

type certCheckOptions struct {
	ca, https string // files; "" when not given
	online    bool   // fetch them from the configured CA, and keep them in these files
}

func certCheckCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "check", Short: "say which certificates of an online CA still have to be uploaded",
		Privilege: cmdline.Look, Role: cmdline.Reader,
		About: `--ca is a file with the root certificate of the CA, --https one with the
certificate of its web server; intermediates may follow in either. They may have
any form that "capf cert upload" takes. There are four cases: the two are the
same, the root has issued the other, an intermediate has, or they are unrelated.
In all of them the root belongs in both trust stores; in the last one the
certificate of the web server also belongs in capf-trust.

With --online both are fetched from the configured online CA, and written to the
two files if they are named. Before you upload them, compare the fingerprints with
those that the CA's administrators give you.

Without any of these, it only looks for certificates that should not be in the
trust stores.`,
		Example: "capf cert check --ca root-ca.pem --https web.pem",
		Output:  cmdline.List, Columns: headings(needColumns),
		Raises: map[string]cmdline.Needs{"online": {Role: cmdline.Operator}}, // it asks another system
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "ca", Usage: "`FILE` with the root certificate of the CA; with --online, where to write it"},
			&cli.StringFlag{Name: "https", Usage: "`FILE` with the certificate of the CA's web server; with --online, where to write it"},
			&cli.BoolFlag{Name: "online", Usage: "fetch them from the configured online CA"},
		},
		Run: func(c *cli.Context) error {
			o := certCheckOptions{c.String("ca"), c.String("https"), c.Bool("online")}
			if !o.online && (o.ca == "") != (o.https == "") {
				return apperr.Usage("--ca and --https belong together")
			}
			return certCheck(c.Context, env, o)
		},
	}
}

func certCheck(ctx context.Context, env *Env, o certCheckOptions) error {
	var ca, https []*x509.Certificate
	var err error
	if o.ca != "" && !o.online {
		if ca, err = readCertificates(env, o.ca); err != nil {
			return err
		}
		if https, err = readCertificates(env, o.https); err != nil {
			return err
		}
		ca = rootFirst(ca)
	}
	s, err := env.openToAsk(ctx)
	if err != nil {
		return err
	}
	found, err := health.TrustFindings(ctx, s.Reader, env.Now())
	if err != nil {
		return err
	}
	for _, f := range found {
		env.say("warning: %s", f.Text)
		env.say("hint: %s", f.Hint)
	}
	if o.online {
		if ca, https, err = fetchCertificates(ctx, env, &o); err != nil {
			return err
		}
	}
	if ca == nil {
		if len(found) == 0 {
			env.say("nothing is wrong with the trust stores; --online, or --ca and --https, compare them with an online CA")
		}
		return showList(env, values([]authority.Need(nil)), needColumns, "")
	}
	advice, err := trustStores(env, s).Advise(ctx, ca, https)
	if err != nil {
		return err
	}
	return sayAdvice(env, advice, o)
}

// fetchCertificates asks the configured CA for its certificates and writes them
// to the files of o.
func fetchCertificates(ctx context.Context, env *Env, o *certCheckOptions) (ca, https []*x509.Certificate, err error) {
	s, err := env.openToAsk(ctx)
	if err != nil {
		return nil, nil, err
	}
	online, err := openOnlineCA(ctx, env, s)
	if err != nil {
		return nil, nil, err
	}
	ca, https, err = online.Certificates(ctx)
	if err == nil && (len(ca) == 0 || len(https) == 0) {
		err = errors.New("the online CA sends no certificates")
	}
	return ca, https, errors.Join(keepFetched(env, "HTTPS certificate", https, &o.https), keepFetched(env, "CA root", ca, &o.ca), err)
}

// keepFetched names the first of the certificates, if there are any, and writes
// it to the file.
func keepFetched(env *Env, which string, certs []*x509.Certificate, file *string) error {
	if len(certs) == 0 {
		return nil
	}
	env.say("%s: %s, SHA-256 %s", which, certs[0].Subject, crypto.Fingerprint(certs[0]))
	if *file == "" {
		*file = "FILE"
		return nil
	}
	return env.writeOutput(*file, true, crypto.CertificatePEM(certs[0].Raw))
}

func sayAdvice(env *Env, a authority.TrustAdvice, o certCheckOptions) error {
	env.say("case %d: %s", a.Scenario, a.Text)
	for _, n := range a.Notes {
		env.say("note: %s", n)
	}
	missing := a.Missing()
	if len(missing) == 0 {
		env.say("nothing is missing")
	}
	for i, file := range []string{o.ca, o.https} {
		var flags string
		for _, n := range missing {
			switch {
			case (n.Role == "CA root") != (i == 0):
			case n.ID != 0:
				env.say("hint: capf cert set %d --for %s", n.ID, n.Has|n.For)
			default:
				flags += " --purpose " + string(n.Purpose)
			}
		}
		if flags != "" && i == 1 {
			flags += " --for " + store.ForHTTPS.String() // a self-signed one may be a CA too
		}
		if flags != "" {
			env.say("hint: capf cert upload %s%s", file, flags)
		}
	}
	return showList(env, values(a.Needs), needColumns, "")
}

// readCertificates reads a file of certificates. Anything else in it is a usage
// error.
func readCertificates(env *Env, name string) ([]*x509.Certificate, error) {
	data, err := env.readInput(name, certificateLimit)
	if err != nil {
		return nil, err
	}
	certs, err := authority.UploadFile{Name: name, Data: data}.Certificates()
	switch {
	case err != nil:
		return nil, misuse(fmt.Errorf("reading %w", err))
	case len(certs) == 0:
		return nil, apperr.Usage("reading %s: no file in it is a certificate by its name", files.InputName(name))
	}
	return certs, nil
}

// rootFirst puts the root of a chain first, in whatever order the file has it.
func rootFirst(certs []*x509.Certificate) []*x509.Certificate {
	i := slices.IndexFunc(certs, func(c *x509.Certificate) bool { return string(c.RawIssuer) == string(c.RawSubject) })
	if i > 0 {
		root := certs[i]
		certs = append([]*x509.Certificate{root}, slices.Delete(certs, i, i+1)...)
	}
	return certs
}

// needColumns are the properties of a certificate that belongs in a store.
var needColumns = []column[authority.Need]{
	{"Certificate", "role", always, func(n authority.Need) any { return n.Role }},
	{"Subject", "subject", usual, func(n authority.Need) any { return n.Certificate.Subject.String() }},
	{"Purpose", "purpose", always, func(n authority.Need) any { return string(n.Purpose) }},
	{"State", "state", always, func(n authority.Need) any { return needState(n) }},
	{"For", "for", seldom, func(n authority.Need) any { return n.For.Names() }},
	{"Reason", "reason", usual, func(n authority.Need) any { return term.Message(n.Unfit) }},
	{"SHA-256", "fingerprint_sha256", wide, func(n authority.Need) any { return crypto.Fingerprint(n.Certificate) }},
}

func needState(n authority.Need) string {
	switch {
	case n.Present:
		return "there"
	case n.ID != 0:
		return "does not vouch for " + n.For.String()
	case n.Unfit != "":
		return "would be refused"
	}
	return "to be uploaded"
}
