package onlineca

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"
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
// certificate, or keeps a real request, for whatever name it carries.
type DryRun struct {
	// Make makes the request, in DER, with a challengePassword unless that is empty.
	Make func(challenge string) ([]byte, error)
	// Judge says what is wrong with the certificate that came, and what to do about
	// it; nil takes any.
	Judge func(Answer) (wrong, advice string)
}

// Check walks the way to the CA step by step and stops at the first one that
// fails. It asks even a CA that is being left alone after failures, and a
// success ends that. Without dry no certificate is made.
func (c *Client) Check(ctx context.Context, dry *DryRun) []Step {
	l := c.link
	ctx, cancel := context.WithTimeout(ctx, 2*l.Limits.Post)
	defer cancel()
	walk := []func(context.Context) Step{l.checkName, l.checkConnection, l.checkTLS, c.dialect.checkAuthentication, c.dialect.checkTemplate}
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

// failed makes a step of an error of ours.
func failed(name string, err error) Step {
	var e *Error
	if errors.As(err, &e) {
		return Step{Name: name, Text: e.Error(), Advice: e.Advice}
	}
	return Step{Name: name, Text: err.Error()}
}

func (l *link) checkName(ctx context.Context) Step {
	addresses, err := l.Lookup(ctx, l.Host)
	if err != nil || len(addresses) == 0 {
		return Step{Name: StepName, Text: fmt.Sprintf("the name %q has no address", l.Host),
			Advice: "check online_ca_hostname and the name servers of this machine"}
	}
	return Step{Name: StepName, OK: true, Text: fmt.Sprintf("%q is %s", l.Host, plain(strings.Join(addresses, ", "), maxWords))}
}

func (l *link) checkConnection(ctx context.Context) Step {
	ctx, cancel := context.WithTimeoutCause(ctx, l.Limits.Get, errSlow)
	defer cancel()
	conn, err := l.Dial(ctx, "tcp", l.address())
	if err != nil {
		return failed(StepConnection, l.broken(call{doing: "connecting to " + l.address()}, err, false))
	}
	conn.Close()
	return Step{Name: StepConnection, OK: true, Text: l.address() + " takes connections"}
}

func (l *link) checkTLS(ctx context.Context) Step {
	ctx, cancel := context.WithTimeoutCause(ctx, l.Limits.Get, errSlow)
	defer cancel()
	conn, err := l.dialTLS(ctx, "tcp", "")
	if err != nil {
		step := failed(StepTLS, l.broken(call{doing: "making a TLS connection"}, err, false))
		if troubles := l.tlsTroubles(err); len(troubles) > 1 {
			var all []string
			for _, t := range troubles {
				all = append(all, t.advice)
			}
			step.Advice = strings.Join(all, "; ")
		}
		return step
	}
	defer conn.Close()
	state := conn.(*tls.Conn).ConnectionState()
	leaf := state.PeerCertificates[0]
	return Step{Name: StepTLS, OK: true, Text: fmt.Sprintf("%s, certificate of %s is trusted until %s",
		tls.VersionName(state.Version), nameOf(leaf), leaf.NotAfter.UTC().Format(time.DateOnly))}
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
		number += " with serial " + c.SerialNumber.Text(16)
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
