package caworker

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"strconv"
	"strings"

	"capf/crypto"
	"capf/enroll/acceptance"
	"capf/enroll/authority"
	"capf/enroll/caready"
	"capf/enroll/onlineca"
	"capf/enroll/settings"
)

// The steps of CA.Check besides those of onlineca.
const (
	StepConfiguration = "configuration"
	StepIssuer        = "issuer trust"
	StepService       = "service"
)

// testName is the name in the certificate of a dry enrollment.
const testName = "capf-online-ca-test"

// Check tests the path to the online CA, whether or not it is the issuer: the
// configuration, the steps of onlineca.Client.Check, whether its LSCs would chain
// to capf-trust, and the service. With enrolls, the CA makes a real certificate for
// testName, which is checked like a phone's. The error is a failure of our own.
func (ca CA) Check(ctx context.Context, enrolls bool) ([]onlineca.Step, error) {
	inForce, err := settings.Read(ctx, ca.Store.Reader)
	if err != nil {
		return nil, err
	}
	missing, err := caready.Missing(ctx, ca.Store.Reader)
	if err != nil {
		return nil, err
	}
	steps := []onlineca.Step{configurationStep(inForce.Online, missing)}
	if steps[0].OK {
		walked, err := ca.walk(ctx, inForce.Online, enrolls)
		if err != nil {
			return nil, err
		}
		steps = append(steps, walked...)
	}
	active, err := caready.Active(ctx, ca.Store.Reader)
	if err != nil {
		return nil, err
	}
	service := onlineca.Step{Name: StepService, OK: active, Text: "the service enrollment is activated"}
	if !active {
		f := caready.Inactive()
		service.Text, service.Advice = f.Text, f.Hint
	}
	return append(steps, service), nil
}

// configurationStep says what is configured, or what is missing.
func configurationStep(o settings.Online, missing []caready.Lack) onlineca.Step {
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
			continue
		}
		worth = append(worth, f.Text)
	}
	if len(wrong) > 0 {
		return onlineca.Step{Name: StepConfiguration, Text: strings.Join(wrong, "; "), Advice: strings.Join(advice, "; ")}
	}
	if len(worth) > 0 {
		step.Text += "; " + strings.Join(worth, "; ")
	}
	return step
}

// walk runs the steps that talk to the CA.
func (ca CA) walk(ctx context.Context, o settings.Online, enrolls bool) ([]onlineca.Step, error) {
	c, err := ca.config(ctx, o)
	if err != nil {
		return nil, err
	}
	client, err := onlineca.New(c)
	if err != nil {
		return []onlineca.Step{{Name: StepConfiguration, Text: err.Error(), Advice: "capf show lists the parameters"}}, nil
	}
	defer client.Close()
	var dry *onlineca.DryRun
	if enrolls {
		if dry, err = ca.dryRun(ctx, c.Issuers, o.Leniency); err != nil {
			return nil, err
		}
	}
	steps := client.Check(ctx, dry)
	if last := steps[len(steps)-1]; last.OK || last.Name == onlineca.StepEnrollment {
		steps = append(steps, ca.issuerStep(ctx, client, c.Issuers))
	}
	return steps, nil
}

// dryRun makes a request with a throw-away key.
func (ca CA) dryRun(ctx context.Context, trusted []*x509.Certificate, l settings.Leniency) (*onlineca.DryRun, error) {
	capf, err := authority.Certificate(ctx, ca.Store.Reader)
	if err != nil {
		return nil, err
	}
	key, err := crypto.GenerateKey(ca.Rand, crypto.RSA2048)
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
			csr, err = crypto.NewRequest(capf, crypto.LSCTemplate{Device: testName, SPKI: spki, Challenge: challenge}, key)
			return csr, err
		},
		Judge: func(a onlineca.Answer) (wrong, advice string) {
			found := acceptance.Rule{Trusted: trusted, Now: ca.Now(), Leniency: l}.Judge(csr, testName, a.Leaf, a.Chain)
			return found.Unfit, found.Advice
		},
	}, nil
}

// issuerStep checks whether the CA's own certificates chain to capf-trust. If they
// do not, none of its LSCs is accepted.
func (ca CA) issuerStep(ctx context.Context, client *onlineca.Client, trusted []*x509.Certificate) onlineca.Step {
	step := onlineca.Step{Name: StepIssuer}
	ders, err := client.CACertificates(ctx)
	if err != nil {
		step.OK, step.Text = true, "the CA does not show its certificates, so it is not known whether its LSCs lead to capf-trust: "+err.Error()
		return step
	}
	all := parsed(ders)
	var wrong []string
	for _, c := range all {
		if _, err := crypto.VerifyPath(c, trusted, all, ca.Now(), crypto.PathOptions{}); err != nil {
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
