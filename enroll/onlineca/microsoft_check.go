package onlineca

import (
	"context"
	"fmt"
	"net/http"
	"strings"
)

// checkAuthentication asks for the start page, which needs a login as all others do.
func (m *microsoft) checkAuthentication(ctx context.Context) Step {
	c := call{doing: "asking for the start page", method: http.MethodGet, path: certsrv, forced: true}
	r, err := m.transport.do(ctx, c)
	if err == nil {
		err = m.transport.complete(c, r)
	}
	if err != nil {
		return failed(StepAuthentication, err)
	}
	how := "without a login"
	if r.by != anonymous {
		how = fmt.Sprintf("as %q by %s", m.config.Username, strings.ToUpper(string(r.by)))
	}
	return Step{Name: StepAuthentication, OK: true, Text: "the web server lets us in " + how}
}

// templateNames finds the templates that the advanced request page offers to the
// account. A value has fields between semicolons; the second one is the name.
var templateNames = pattern(`(?i)<option[^>]*\bvalue\s*=\s*"?[A-Z]{0,3};([^;"<>]{1,255});`)

// checkTemplate looks for the template in the page where a person would choose it. A
// server that shows no list leaves the question open.
func (m *microsoft) checkTemplate(ctx context.Context) Step {
	open := func(why string) Step {
		return Step{Name: StepTemplate, OK: true, Text: why + "; only a dry enrollment shows whether the template works"}
	}
	if m.config.Template == "" {
		return open("no template is set")
	}
	c := call{doing: "asking for the templates", method: http.MethodGet, path: certsrv + "certrqxt.asp", forced: true}
	r, err := m.transport.do(ctx, c)
	if err == nil {
		err = m.transport.complete(c, r)
	}
	if err != nil {
		return open("the list of templates cannot be read")
	}
	const mostTemplates = 64
	var names []string
	for _, found := range templateNames().FindAllSubmatch(r.body, mostTemplates) {
		name := plain(string(found[1]), 64)
		if strings.EqualFold(name, m.config.Template) {
			return Step{Name: StepTemplate, OK: true, Text: fmt.Sprintf("the CA offers template %q to this account", m.config.Template)}
		}
		names = append(names, name)
	}
	if len(names) == 0 {
		return open("the CA shows no list of templates")
	}
	return Step{Name: StepTemplate, Text: fmt.Sprintf("the CA does not offer template %q to this account, but %s", m.config.Template, plain(strings.Join(names, ", "), maxWords)),
		Advice: "set online_ca_template to the template's name (not its display name), publish it on the CA, and give the account Read and Enroll on it"}
}
