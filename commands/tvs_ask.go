package commands

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/files"
	"capf/crypto"
	"capf/crypto/certfile"
	"capf/enroll/trustlist"
	"capf/enroll/tvs"
	"capf/enroll/wire"
	"capf/internal/apperr"
)

// tvsPort is the port on which phones ask TVS.
const tvsPort = "2445"

type tvsAskOptions struct {
	tvs.Server
	lists []string // that name the servers
	role  *trustlist.Role
	trustlist.TVSQuestion
}

func tvsAskCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "ask", Args: "HOST CERT", Short: "ask a TVS server what phones may use a certificate for",
		Role: cmdline.Operator,
		About: `HOST is that of capf or of a CUCM, or HOST:PORT (the port is 2445 otherwise). CERT is
a file (- is stdin) with the certificate that a phone does not find in its list: of the
signer of a new list, of CAPF, or of another server. The answer is shown: valid with
the roles, or invalid. --list names the list of the phone, and only a server that it
names is asked; without it, every server is.

It exits with 4 if the certificate is invalid, has not the role of --role, or is another
one than the answer to --query.`,
		Example: "capf tvs ask localhost capf.pem --list ITLFile.tlv --role capf",
		Output:  cmdline.Object, NoStore: true,
		Flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "list", Usage: "`FILE` with a list that the phone holds; may be repeated for CTL and ITL"},
			&cli.StringFlag{Name: "role", Usage: "the certificate has to have the `ROLE`: " + roleWords()},
			&cli.StringFlag{Name: "device", Value: "CP-8861-SEP000000000000", Usage: "ask as the phone `NAME`"},
			&cli.BoolFlag{Name: "query", Usage: "ask for the certificate too, as phones do that know only its name"},
			&cli.StringFlag{Name: "existing-cert", Usage: "the LSC or MIC in `FILE` is shown to a server that asks for one"},
			&cli.StringFlag{Name: "existing-key", Usage: "its private key is in `FILE`"},
			&cli.DurationFlag{Name: "timeout", Value: 10 * time.Second, Usage: "wait for a `TIME`"},
		},
		Run: func(c *cli.Context) error {
			o, err := tvsAskChoice(env, c)
			if err != nil {
				return err
			}
			return tvsAsk(c.Context, env, o)
		},
	}
}

// roleWords are the words for roles, with commas between them.
func roleWords() string {
	var words []string
	for _, r := range trustlist.Roles() {
		words = append(words, r.String())
	}
	return strings.Join(words, ", ")
}

func tvsAskChoice(env *Env, c *cli.Context) (o tvsAskOptions, err error) {
	o.lists, o.Timeout = c.StringSlice("list"), c.Duration("timeout")
	if o.Timeout <= 0 {
		return o, apperr.Usage("--timeout must be longer than 0")
	}
	if o.Address, err = tvsAddress(c.Args().First()); err != nil {
		return o, err
	}
	if c.IsSet("role") {
		r, err := trustlist.ParseRole(c.String("role"))
		if err != nil {
			return o, apperr.WithHint(apperr.Usage("--role: %v", err), "it is one of %s", roleWords())
		}
		o.role = &r
	}
	identity, err := phoneIdentity(env, c, "existing", wire.TypeLSC)
	if err != nil {
		return o, err
	}
	if identity != nil {
		o.Identity = &tls.Certificate{Certificate: [][]byte{identity.Certificate}, PrivateKey: identity.Key}
	}
	o.Query, o.Device = c.Bool("query"), c.String("device")
	certificate, err := oneCertificate(env, c.Args().Get(1))
	if err != nil {
		return o, err
	}
	o.Certificate = certificate.Raw
	return o, nil
}

// tvsAddress adds the port to a host without one.
func tvsAddress(s string) (string, error) {
	if _, _, err := net.SplitHostPort(s); err != nil {
		s = net.JoinHostPort(strings.Trim(s, "[]"), tvsPort)
	}
	if host, port, err := net.SplitHostPort(s); err != nil || host == "" || port == "" {
		return "", apperr.Usage("%q is not HOST or HOST:PORT", s)
	}
	return s, nil
}

// oneCertificate reads a file with one certificate: of a chain, it would not be clear
// which one is meant.
func oneCertificate(env *Env, name string) (*x509.Certificate, error) {
	data, err := env.readInput(name, certificateLimit)
	if err != nil {
		return nil, err
	}
	certs, err := certfile.Parse(data)
	if err != nil {
		return nil, apperr.WithHint(apperr.Refused("reading %s: %v", files.InputName(name), err), "%s", trustFileHint(data))
	}
	if len(certs) > 1 {
		return nil, apperr.Refused("%q holds %d certificates: which one is meant?", name, len(certs))
	}
	return certs[0], nil
}

func tvsAsk(ctx context.Context, env *Env, o tvsAskOptions) error {
	held, err := readHeld(env, o.lists)
	if err != nil {
		return err
	}
	if o.Trusted, err = tvsOf(held); err != nil {
		return err
	}
	o.Anyone = len(held) == 0
	if !o.Anyone && len(o.Trusted) == 0 {
		return apperr.Refused("no list names a TVS server, so a phone that holds them asks none")
	}
	a, err := tvs.Ask(ctx, o.Server, o.TVSQuestion)
	if errors.Is(err, tvs.ErrUntrusted) {
		return apperr.WithHint(apperr.Refused("TVS at %s: %v", o.Address, tvs.ErrUntrusted), "it has shown %s, SHA-256 %s", crypto.DisplayName(a.Server), crypto.Fingerprint(a.Server))
	}
	if err != nil {
		return err
	}
	if err := showObject(env, o.fields(a)); err != nil {
		return err
	}
	return o.verdict(a)
}

// tvsOf are the certificates of the TVS servers that lists name.
func tvsOf(held []*trustlist.List) (certs []*x509.Certificate, err error) {
	for _, l := range held {
		for _, r := range l.With(trustlist.RoleTVS) {
			c, err := r.Certificate()
			if errors.Is(err, trustlist.ErrNoCertificate) {
				continue
			}
			if err != nil {
				return nil, apperr.Refused("the certificate of TVS %q in the list: %v", r.Subject, err)
			}
			certs = append(certs, c)
		}
	}
	return certs, nil
}

func (o tvsAskOptions) fields(a tvs.Answer) []field {
	roles := []string{}
	for _, r := range a.Roles {
		roles = append(roles, r.String())
	}
	status := "invalid"
	if a.Valid {
		status = "valid"
	}
	fields := []field{
		{"Server", "server", o.Address},
		{"Its certificate", "server_subject", a.Server.Subject.String()},
		{"Its SHA-256", "server_fingerprint_sha256", crypto.Fingerprint(a.Server)},
		{"Answer", "answer", status},
		{"Roles", "roles", roles},
		{"Seconds to keep", "keep_seconds", int64(a.Keep / time.Second)},
	}
	if o.Query {
		fields = append(fields, field{"Same certificate", "same_certificate", o.same(a)})
	}
	return fields
}

// same says whether the certificate that was asked about is the one in the answer.
func (o tvsAskOptions) same(a tvs.Answer) bool { return bytes.Equal(a.Certificate, o.Certificate) }

// verdict is the error for an answer with which a phone would not be content.
func (o tvsAskOptions) verdict(a tvs.Answer) error {
	switch {
	case !a.Valid:
		return apperr.Refused("TVS at %s does not vouch for the certificate", o.Address)
	case o.Query && !o.same(a): // whoever makes a certificate chooses its issuer and serial number
		return apperr.Refused("TVS at %s vouches for another certificate than this one", o.Address)
	case o.role != nil && !a.May(*o.role):
		return apperr.Refused("TVS at %s vouches for the certificate, but not with the role %s", o.Address, *o.role)
	}
	return nil
}
