package onlineca

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"

	"capf/internal/serialnumber"
)

// The steps of Check, in order.
const (
	StepName           = "dns"
	StepConnection     = "tcp"
	StepTLS            = "tls"
	StepAuthentication = "authentication"
	StepTemplate       = "template"
	StepEnrollment     = "enrollment"
)

// Step is one thing that must hold before a phone can get a certificate.
type Step struct {
	Name   string
	OK     bool
	Text   string // what was found, in one line
	Advice string // what to do; empty when OK
}

// DryRun is a request that Check sends as its last step. The CA makes a real
// certificate, or keeps a real request, for the name in it.
type DryRun struct {
	// Make returns the request in DER; a challenge other than "" becomes its
	// challengePassword.
	Make func(challenge string) ([]byte, error)
	// Judge says what is wrong with the certificate that the CA returned, and what
	// to do about it; nil accepts any.
	Judge func(Answer) (wrong, advice string)
}

// Check tests the path to the CA and stops at the first step that fails. It
// asks even a CA that is left alone after failures, and a success ends the
// pause. Without dry, no certificate is made.
func (c *Client) Check(ctx context.Context, dry *DryRun) []Step {
	t := c.transport
	ctx, cancel := context.WithTimeout(ctx, 2*t.config.Limits.Post)
	defer cancel()
	walk := []func(context.Context) Step{t.checkName, t.checkConnection, t.checkTLS, c.ca.checkAuthentication, c.ca.checkTemplate}
	if dry != nil {
		walk = append(walk, func(ctx context.Context) Step { return c.checkEnrollment(ctx, dry) })
	}
	var steps []Step
	for _, step := range walk {
		s := step(ctx)
		steps = append(steps, s)
		if !s.OK {
			break
		}
	}
	return steps
}

// failed returns the step for an error.
func failed(name string, err error) Step {
	var e *Error
	if errors.As(err, &e) {
		return Step{Name: name, Text: e.Error(), Advice: e.Advice}
	}
	return Step{Name: name, Text: err.Error()}
}

func (c *Client) checkEnrollment(ctx context.Context, dry *DryRun) Step {
	answer, err := c.dryRun(ctx, dry)
	if err == nil && answer.State == Issued && answer.Leaf == nil {
		answer, err = c.Fetch(ctx, answer.RequestID)
	}
	if err != nil {
		return failed(StepEnrollment, err)
	}
	number := ""
	if answer.RequestID != "" {
		number = " as request " + answer.RequestID
	}
	if c, err := x509.ParseCertificate(answer.Leaf); err == nil { // by which it can be revoked
		number += " with serial " + serialnumber.Text(c.SerialNumber)
	}
	if answer.State == Issued && dry.Judge != nil {
		if wrong, advice := dry.Judge(answer); wrong != "" {
			return Step{Name: StepEnrollment, Text: "the CA issued a certificate" + number + " that no phone would be given: " + plain(wrong, maxWords), Advice: advice}
		}
	}
	if answer.State == Pending {
		return Step{Name: StepEnrollment, OK: true, Text: "the CA has taken the request" + number + "; it waits for a manager of the CA"}
	}
	return Step{Name: StepEnrollment, OK: true, Text: fmt.Sprintf("the CA issued a certificate%s, with %d above it", number, len(answer.Chain))}
}

func (c *Client) dryRun(ctx context.Context, dry *DryRun) (Answer, error) {
	bound, err := c.Bind(ctx)
	if err != nil {
		return Answer{}, err
	}
	if bound == nil {
		csr, err := dry.Make("")
		if err != nil {
			return Answer{}, err
		}
		return c.Submit(ctx, csr)
	}
	defer bound.Close()
	csr, err := dry.Make(bound.Challenge)
	if err != nil {
		return Answer{}, err
	}
	return bound.Submit(ctx, csr)
}
