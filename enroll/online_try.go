package enroll

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"capf/crypto"
	"capf/enroll/acceptance"
	"capf/enroll/onlineca"
	"capf/internal/apperr"
	"capf/store"
)

// The steps of TryOnlineCA besides those of onlineca.
const (
	StepConfiguration = "configuration"
	StepIssuer        = "issuer trust"
	StepService       = "service"
)

// tryName is the name in the certificate of a dry enrollment.
const tryName = "capf-online-ca-test"

// TryOnlineCA walks the way to the configured online CA, whether it is the
// issuer or not: the configuration, the steps of onlineca.Client.Check, whether
// its LSCs would lead to capf-trust, and the service. With enroll it has the CA
// make a real certificate, named tryName, and judges it as a phone's. The error
// is a failure of ours.
func (r *Rules) TryOnlineCA(ctx context.Context, enroll bool) ([]onlineca.Step, error) {
	settings, err := r.Settings(ctx)
	if err != nil {
		return nil, err
	}
	missing, err := r.OnlineMissing(ctx)
	if err != nil {
		return nil, err
	}
	steps := []onlineca.Step{configurationStep(settings.Online, missing)}
	if steps[0].OK {
		walked, err := r.walkToCA(ctx, settings.Online, enroll)
		if err != nil {
			return nil, err
		}
		steps = append(steps, walked...)
	}
	active, err := r.onlineActive(ctx)
	if err != nil {
		return nil, err
	}
	service := onlineca.Step{Name: StepService, OK: active, Text: "the service enrollment is activated"}
	if !active {
		f := enrollmentInactive()
		service.Text, service.Advice = f.Text, f.Hint
	}
	return append(steps, service), nil
}

func configurationStep(o OnlineSettings, missing []Finding) onlineca.Step {
	step := onlineca.Step{Name: StepConfiguration, OK: true, Text: fmt.Sprintf("type %s, %s", o.Type, net.JoinHostPort(o.Host, strconv.Itoa(o.Port)))}
	if o.Template != "" {
		step.Text += fmt.Sprintf(", template %q", o.Template)
	}
	if o.Username != "" {
		step.Text += fmt.Sprintf(", user %q", o.Username)
	}
	var wrong, advice, worth []string
	for _, f := range missing {
		if f.Severity == "error" {
			wrong, advice = append(wrong, f.Text), append(advice, f.Hint)
		} else {
			worth = append(worth, f.Text)
		}
	}
	if len(wrong) > 0 {
		return onlineca.Step{Name: StepConfiguration, Text: strings.Join(wrong, "; "), Advice: strings.Join(advice, "; ")}
	}
	if len(worth) > 0 {
		step.Text += "; " + strings.Join(worth, "; ")
	}
	return step
}

func (r *Rules) walkToCA(ctx context.Context, o OnlineSettings, enroll bool) ([]onlineca.Step, error) {
	c, err := r.onlineConfig(ctx, o)
	if err != nil {
		return nil, err
	}
	client, err := onlineca.New(c)
	if err != nil {
		return []onlineca.Step{{Name: StepConfiguration, Text: err.Error(), Advice: "capf show lists the parameters"}}, nil
	}
	defer client.Close()
	var dry *onlineca.DryRun
	if enroll {
		if dry, err = r.dryRun(ctx, c.Issuers, o.Leniency); err != nil {
			return nil, err
		}
	}
	steps := client.Check(ctx, dry)
	if last := steps[len(steps)-1]; last.OK || last.Name == onlineca.StepEnrollment {
		steps = append(steps, r.issuerStep(ctx, client, c.Issuers))
	}
	return steps, nil
}

// dryRun makes a request with a key that is thrown away.
func (r *Rules) dryRun(ctx context.Context, trusted []*x509.Certificate, l acceptance.Leniency) (*onlineca.DryRun, error) {
	capf, err := r.capfCertificate(ctx)
	if err != nil {
		return nil, err
	}
	key, err := crypto.GenerateKey(r.Rand, crypto.RSA2048)
	if err != nil {
		return nil, err
	}
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, err
	}
	var csr []byte
	return &onlineca.DryRun{
		Make: func(challenge string) (_ []byte, err error) {
			csr, err = crypto.NewRequest(capf, crypto.LSC{Device: tryName, SPKI: spki, Challenge: challenge}, key)
			return csr, err
		},
		Judge: func(a onlineca.Answer) (wrong, advice string) {
			found := acceptance.Rule{Trusted: trusted, Now: r.Now(), Leniency: l}.Judge(csr, tryName, a.Leaf, a.Chain)
			return found.Unfit, found.Advice
		},
	}, nil
}

// issuerStep looks whether the CA's own certificates lead to capf-trust, without
// which none of its LSCs is taken.
func (r *Rules) issuerStep(ctx context.Context, client *onlineca.Client, trusted []*x509.Certificate) onlineca.Step {
	step := onlineca.Step{Name: StepIssuer}
	ders, err := client.CACertificates(ctx)
	if err != nil {
		step.OK, step.Text = true, "the CA does not show its certificates, so it is not known whether its LSCs lead to capf-trust: "+err.Error()
		return step
	}
	all := parsed(ders)
	var wrong []string
	for _, c := range all {
		if _, err := crypto.VerifyPath(c, trusted, all, r.Now(), crypto.PathOptions{}); err != nil {
			wrong = append(wrong, err.Error())
		}
	}
	if len(wrong) > 0 || len(all) == 0 {
		step.Text = "the CA's certificates do not lead to capf-trust, so every LSC would be refused: " + strings.Join(wrong, "; ")
		step.Advice = "upload the root certificate of the CA to capf-trust and callmanager-trust"
		return step
	}
	var names []string
	for _, c := range all {
		names = append(names, strconv.Quote(crypto.DisplayName(c)))
	}
	step.OK, step.Text = true, "the CA's certificates lead to capf-trust: "+strings.Join(names, ", ")
	return step
}

func parsed(ders [][]byte) []*x509.Certificate {
	var all []*x509.Certificate
	for _, der := range ders {
		if c, err := x509.ParseCertificate(der); err == nil {
			all = append(all, c)
		}
	}
	return all
}

// OnlineCACertificates fetches what AdviseTrust needs from the configured online
// CA: the certificates of the CA, its root first, and those that its web server
// presents, its own first. The credentials go only to a web server that is
// trusted already; of one that is not, EST servers show the certificates of the
// CA all the same, Web Enrollment does not. The error is apperr.ErrRefused when no CA
// is configured; https may be there beside an error.
func (r *Rules) OnlineCACertificates(ctx context.Context) (ca, https []*x509.Certificate, err error) {
	settings, err := r.Settings(ctx)
	if err != nil {
		return nil, nil, err
	}
	if settings.Online.Host == "" {
		return nil, nil, apperr.WithHint(apperr.Refused("%s is not set: there is no online CA to ask", pOnlineHost),
			"capf set online_ca_hostname NAME")
	}
	c, err := r.onlineConfig(ctx, settings.Online)
	if err != nil {
		return nil, nil, err
	}
	client, err := onlineca.New(c)
	if err != nil {
		return nil, nil, err
	}
	defer client.Close()
	if https, err = client.Presented(ctx); err != nil {
		return nil, nil, advised(err)
	}
	ders, err := client.CACertificates(ctx)
	if err != nil {
		if public, perr := publicCertificates(ctx, c, https); perr == nil {
			ders, err = public, nil
		}
	}
	if err != nil {
		return nil, https, advised(err)
	}
	ca = parsed(ders)
	slices.SortStableFunc(ca, func(a, b *x509.Certificate) int { return selfSigned(b) - selfSigned(a) })
	return ca, https, nil
}

// publicCertificates asks without credentials, trusting the web server only to
// show what everybody may see.
func publicCertificates(ctx context.Context, c onlineca.Config, https []*x509.Certificate) ([][]byte, error) {
	c.Username, c.Password, c.ClientCertificate = "", "", nil
	c.Roots = https[:1]
	client, err := onlineca.New(c)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	return client.CACertificates(ctx)
}

func selfSigned(c *x509.Certificate) int {
	if bytes.Equal(c.RawIssuer, c.RawSubject) {
		return 1
	}
	return 0
}

// advised hands the advice of the CA's client to the person who asked.
func advised(err error) error {
	var failure *onlineca.Error
	if errors.As(err, &failure) && failure.Advice != "" {
		return apperr.WithHint(err, "%s", failure.Advice)
	}
	return err
}

// OnlineAnswer is what the online CA has said of a request.
type OnlineAnswer struct {
	store.OnlineRequest
	Standing string // in one line, for people
}

// OnlineAnswer says how a request stands at the online CA. ErrNotFound: it was
// never meant for one.
func (r *Rules) OnlineAnswer(ctx context.Context, requestID int64) (OnlineAnswer, error) {
	o, err := r.Store.Online(ctx, requestID)
	if err != nil {
		return OnlineAnswer{}, err
	}
	return OnlineAnswer{o, standing(o)}, nil
}
