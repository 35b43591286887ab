package commands

import (
	"fmt"
	"strings"

	"capf/commands/internal/term"
	"capf/crypto"
	"capf/enroll/secrets"
	"capf/internal/country"
)

// askIdentity asks for the parts of the name of the CAPF certificate, one after the
// other until each is acceptable, and for confirmation of the whole.
func askIdentity(env *Env, o *initOptions) error {
	env.say("The CAPF certificate names your organization, and so does each LSC. A part without an answer is left out.")
	for _, q := range []struct {
		question string
		part     func(*crypto.Name) *string
	}{
		{"Organization (O)", func(n *crypto.Name) *string { return &n.Organization }},
		{"Organizational unit (OU)", func(n *crypto.Name) *string { return &n.OrganizationalUnit }},
		{"City (L)", func(n *crypto.Name) *string { return &n.Locality }},
		{"State or province (ST)", func(n *crypto.Name) *string { return &n.State }},
	} {
		answer, err := askUntil(env, q.question, "", func(answer string) error {
			var alone crypto.Name
			*q.part(&alone) = answer
			return alone.Check()
		})
		if err != nil {
			return err
		}
		*q.part(&o.name) = answer
	}
	var err error
	if o.name.Country, err = askCountry(env); err != nil {
		return err
	}
	path, err := env.databasePath()
	if err != nil {
		return err
	}
	env.say("The CAPF certificate will be: CN=CAPF- and eight digits%s; RSA %d, valid for five years", nameWords(o.name), o.keyBits)
	env.say("database %s, master key %s", path, secrets.MasterKeyFile(path, env.Getenv))
	return consentOr(env, "", false, "make it")
}

// askCountry asks for the two letters, and proposes them to whoever gives the name of
// the country.
func askCountry(env *Env) (string, error) {
	suggestion := ""
	for {
		answer, err := env.Prompt.Ask("Country, two letters (C)", suggestion)
		if answer = strings.TrimSpace(answer); err != nil || answer == "" || country.Name(answer) != "" && answer == strings.ToUpper(answer) && len(answer) == 2 {
			return answer, err
		}
		if code, ok := country.Code(answer); ok {
			env.say("The code of %s is %s", country.Name(code), code)
			suggestion = code
			continue
		}
		env.say("%q is not the code of a country, such as DE or US", answer)
	}
}

// nameWords are the parts of a name, as a subject has them.
func nameWords(n crypto.Name) (words string) {
	for _, part := range []struct{ word, value string }{
		{"O", n.Organization}, {"OU", n.OrganizationalUnit}, {"L", n.Locality}, {"ST", n.State}, {"C", n.Country},
	} {
		if part.value != "" {
			words += fmt.Sprintf(", %s=%s", part.word, term.Visible(part.value))
		}
	}
	return words
}

// countryHint names the code of what was given instead of one.
func countryHint(given string) string {
	if code, ok := country.Code(given); ok && code != given {
		return fmt.Sprintf("--country %s is %s", code, country.Name(code))
	}
	return ""
}
