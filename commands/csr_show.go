package commands

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/term"
	"capf/crypto"
	"capf/enroll/acceptance"
	"capf/enroll/caworker"
	"capf/internal/apperr"
	"capf/store"
)

type csrShowOptions struct {
	id    int64
	pem   bool
	unfit bool
}

func csrShowCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "show", Args: "ID", Short: "show a request",
		Privilege: cmdline.Look, Role: cmdline.Reader,
		About: `With --pem, the certificate request is printed, or only the public key if the
phone did not prove that it has the private one. With --refused-certificate, the
certificate is printed that an online CA returned and that failed a check or came
in an unusable answer: it is valid at the CA, and should be revoked there.`,
		Example: "capf csr show 1",
		Output:  cmdline.Object,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "pem", Usage: "print the request or the public key as PEM"},
			&cli.BoolFlag{Name: "refused-certificate", Usage: "print the certificate that failed a check as PEM"},
		},
		Run: func(c *cli.Context) error {
			id, err := parseID(c.Args().First())
			if err != nil {
				return err
			}
			if c.Bool("pem") && c.Bool("json") {
				return apperr.Usage("--pem and --json exclude each other")
			}
			if c.Bool("refused-certificate") && (c.Bool("json") || c.Bool("pem")) {
				return apperr.Usage("--refused-certificate excludes --pem and --json")
			}
			return csrShow(c.Context, env, csrShowOptions{id, c.Bool("pem"), c.Bool("refused-certificate")})
		},
	}
}

func csrShow(ctx context.Context, env *Env, o csrShowOptions) error {
	s, err := env.question(ctx)
	if err != nil {
		return err
	}
	r, err := s.Request(ctx, o.id)
	if err != nil {
		return err
	}
	if o.pem {
		_, err := fmt.Fprint(env.out, requestPEM(r))
		return err
	}
	online, err := caworker.AnswerTo(ctx, s, o.id)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if o.unfit {
		if online.Certificate == nil {
			return apperr.New(store.ErrNotFound, "request %d has no certificate that failed a check", o.id)
		}
		_, err := fmt.Fprint(env.out, string(crypto.CertificatePEM(online.Certificate)))
		return err
	}
	fields := append(fieldsOf(requestColumns, r),
		field{"Key SHA-256", "", r.KeyHash}, field{"Sent from", "", r.Address}, field{"Reason", "", term.Message(r.Reason)})
	fields = append(fields, voucherFields(r.Voucher)...)
	fields = append(fields, answerFields(online)...)
	doubts, err := acceptance.Doubts(ctx, s, r)
	if err != nil {
		return err
	}
	if len(doubts) > 0 {
		fields = append(fields, field{"Warning", "warnings", doubts})
	}
	return showObject(env, append(fields, field{"", "pem", requestPEM(r)}))
}

// answerFields are what an online CA has said about a request; there are none for
// a request that was not sent to one.
func answerFields(o caworker.Answer) []field {
	if o.State == "" {
		return nil
	}
	next := o.DueAt
	if o.State != store.OnlineTaken && o.State != store.OnlineQueued {
		next = time.Time{}
	}
	return []field{
		{"At the online CA", "", o.Standing}, {"", "ca_state", string(o.State)},
		{"CA", "ca", o.CA}, {"Request at the CA", "ca_request", o.CARequest}, {"Sent to the CA", "ca_sent_at", o.SentAt},
		{"Number of the failure", "ca_code", o.Code}, {"The CA says", "ca_words", o.Words},
		{"Last found", "ca_note", term.Message(o.Note)}, {"Asked again", "ca_next_at", next}, {"Advice", "ca_advice", o.Advice},
		{"", "ca_certificate_refused", o.Certificate != nil},
	}
}

// requestPEM is the PKCS#10 request, or the bare key if the phone signed none.
func requestPEM(r store.Request) string {
	if r.CSR != nil {
		return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: r.CSR}))
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: r.PublicKey}))
}
