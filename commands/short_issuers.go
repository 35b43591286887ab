package commands

import (
	"context"
	"strings"

	"capf/commands/internal/term"
	"capf/store"
)

// wholeNames leaves the names of issuers as they are.
func wholeNames(name string) any { return name }

// shortIssuers returns what a table calls an issuer: by its common name, unless two
// issuers share that.
func shortIssuers(ctx context.Context, s *store.Reader) (func(string) any, error) {
	issuers, err := s.LSCIssuers(ctx)
	if err != nil {
		return nil, err
	}
	const several = ""
	whole := map[string]string{} // by the common name
	note := func(name string) string {
		common := commonName(name)
		if known, ok := whole[common]; ok && known != name {
			whole[common] = several
		} else {
			whole[common] = name
		}
		return common
	}
	for _, i := range issuers {
		note(i.Issuer)
	}
	return func(name string) any {
		common := note(name) // one whose certificates have all expired is not among them
		if common == "" || whole[common] == several {
			return name
		}
		return term.Shortened{Whole: name, Short: common}
	}, nil
}

// commonName is that of a name as RFC 2253 writes it, "" if there is none or it is not
// simple.
func commonName(name string) string {
	if strings.ContainsAny(name, `\"+`) {
		return ""
	}
	for part := range strings.SplitSeq(name, ",") {
		if common, ok := strings.CutPrefix(strings.TrimSpace(part), "CN="); ok {
			return common
		}
	}
	return ""
}
