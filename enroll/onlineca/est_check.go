package onlineca

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// checkAuthentication sends an empty request, which cannot yield a certificate. A
// server that accepts our login says that it cannot read the request; any other
// asks for a login.
func (e *est) checkAuthentication(ctx context.Context) Step {
	c := e.enrollment(nil)
	c.doing, c.forced = "sending an empty request", true
	r, err := e.transport.do(ctx, c)
	switch {
	case err != nil:
		return failed(StepAuthentication, err)
	case r.status == http.StatusUnauthorized, r.status == http.StatusForbidden, r.status >= 300 && r.status < 400, certificateTrouble(r) != nil:
		return failed(StepAuthentication, e.refusal(c, r))
	case r.status == http.StatusNotFound:
		return Step{Name: StepAuthentication, Text: fmt.Sprintf("nothing is at %s on this server", strconv.Quote(c.path)),
			Advice: "check host and port, and online_ca_template, which is the label of the EST server"}
	case r.status == http.StatusBadRequest:
		return Step{Name: StepAuthentication, OK: true, Text: "the EST server lets us in " + e.how(r.by)}
	}
	return Step{Name: StepAuthentication, OK: true,
		Text: fmt.Sprintf("the EST server does not refuse us, but answers %d to an empty request; only a dry enrollment shows more", r.status)}
}

// how says by which login the server has let us in.
func (e *est) how(by scheme) string {
	switch {
	case by != anonymous:
		return fmt.Sprintf("as %q by %s", e.config.Username, strings.ToUpper(string(by)))
	case e.config.ClientCertificate != nil:
		return "with the client certificate or without a login"
	}
	return "without a login"
}

// checkTemplate asks for the certificates of the CA behind the label.
func (e *est) checkTemplate(ctx context.Context) Step {
	all, err := e.certificates(ctx)
	if err != nil {
		step := failed(StepTemplate, err)
		if step.Advice == advice("404") {
			step.Advice = "set online_ca_template to a label that the EST server has, or to none"
		}
		return step
	}
	text := "the EST server without a label"
	if e.config.Template != "" {
		text = fmt.Sprintf("the EST server with label %q", e.config.Template)
	}
	text = fmt.Sprintf("%s sends %d CA certificate(s), first %s", text, len(all), nameOf(all[0]))
	b, err := e.bind(ctx)
	if err != nil {
		return failed(StepTemplate, err)
	}
	if b != nil {
		b.Close()
		text += "; it wants requests bound to the TLS connection (challengePassword)"
	}
	return Step{Name: StepTemplate, OK: true, Text: text}
}
