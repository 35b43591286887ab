package commands

import (
	"context"
	"slices"
	"strings"

	"capf/commands/internal/cmdline"
	"capf/enroll/settings"
	"capf/internal/country"
	"capf/store"
)

// databaseWords proposes words from the database. It never creates or migrates
// one, and does not propose what it cannot read.
type databaseWords struct{ env *Env }

// Words proposes words that begin like the last one. The source is the command's
// group and the argument's placeholder, such as device/NAME, or flag/ and the
// name of a flag; args are the arguments before it.
func (f databaseWords) Words(ctx context.Context, source, last string, args []string) []cmdline.Candidate {
	switch source {
	case "show/PARAMETER":
		return cmdline.Matching(parameterNames(settings.Parameters()), last)
	case "set/PARAMETER":
		return cmdline.Matching(parameterNames(f.settable()), last)
	case "set/VALUE":
		return cmdline.Matching(parameterValues(args), last)
	case "flag/status", "flag/with-status":
		return cmdline.Matching(statusWords(), last)
	case "flag/country":
		return cmdline.Matching(countryWords(), last)
	case "service/SERVICE":
		return cmdline.Matching(serviceWords(), last)
	}
	ask := questions[source]
	if ask == nil || f.env == nil || strings.ContainsAny(last, "*?") {
		return nil
	}
	s, err := storeForCompletion(ctx, f.env)
	if err != nil {
		return nil
	}
	return ask(ctx, s, last)
}

// storeForCompletion opens the database for reading as it is.
func storeForCompletion(ctx context.Context, env *Env) (*store.Reader, error) {
	s, err := env.openWith(func(path string) (*store.Store, error) {
		return store.Open(ctx, path, store.Options{Now: env.Now, ReadOnly: true})
	})
	if err != nil {
		return nil, err
	}
	return s.Reader, nil
}

func serviceWords() (words []cmdline.Candidate) {
	for _, name := range []string{settings.ServiceCAPF, settings.ServiceEnrollment, settings.ServiceProvision, settings.ServiceTVS} {
		words = append(words, cmdline.Candidate{Word: name, About: settings.AboutService(name)})
	}
	return words
}

// settable are the parameters that may be set here: in capf shell, not all.
func (f databaseWords) settable() []settings.Parameter {
	all := settings.Parameters()
	if f.env == nil || f.env.confined == nil {
		return all
	}
	return slices.DeleteFunc(all, func(p settings.Parameter) bool { return !f.env.confined.MaySet(p, keepAlive) })
}

func parameterNames(parameters []settings.Parameter) (list []cmdline.Candidate) {
	for _, p := range parameters {
		list = append(list, cmdline.Candidate{Word: p.Name, About: p.Help})
	}
	return list
}

// parameterValues are the words that a parameter accepts, or its default.
func parameterValues(args []string) []cmdline.Candidate {
	if len(args) == 0 {
		return nil
	}
	p, ok := settings.FindParameter(args[0])
	if !ok {
		return nil
	}
	if p.Values == nil && !strings.Contains(p.Default, " ") {
		return []cmdline.Candidate{{Word: p.Default, About: "the default; " + p.Range}}
	}
	return cmdline.PlainCandidates(p.Values)
}

// statusWords are the statuses, with the vendor's words.
func statusWords() (list []cmdline.Candidate) {
	for _, short := range store.Statuses() {
		list = append(list, cmdline.Candidate{Word: short, About: store.Status(short).Long()})
	}
	return list
}

func countryWords() (list []cmdline.Candidate) {
	for _, code := range country.Codes() {
		list = append(list, cmdline.Candidate{Word: code, About: country.Name(code)})
	}
	return list
}
