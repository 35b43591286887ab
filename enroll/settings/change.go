package settings

import (
	"context"
	"fmt"
	"strings"

	"capf/enroll/onlineca"
	"capf/internal/apperr"
	"capf/store"
)

// Change tells what setting a parameter did.
type Change struct {
	Name, Old, New string
	Changed        bool
	Effect         string
	Warning        string   // "" when there is nothing to warn of
	Dropped        []string // secrets that belonged to the old value, and have gone with it
	Touched        *Touched // nil for a parameter that is not about some devices
}

// Set sets a parameter. An unknown name gives store.ErrNotFound, a value out of
// range apperr.ErrValue with the range, one that does not go with another parameter, and
// a secret, ErrRefused.
func Set(ctx context.Context, s *store.Store, actor store.Actor, name, value string) (Change, error) {
	p, err := known(name)
	if err != nil {
		return Change{}, err
	}
	if p.Secret {
		return Change{}, apperr.WithHint(apperr.Refused("%s is a secret, which never comes as an argument", p.Name), "%s", SecretHint(p.Name))
	}
	if value, err = p.normalize(value); err != nil {
		return Change{}, err
	}
	set, err := s.Parameters(ctx)
	if err != nil {
		return Change{}, err
	}
	if p.exclude != nil {
		if err := p.exclude(p.Name, value, set); err != nil {
			return Change{}, err
		}
	}
	c := Change{Name: p.Name, Old: p.Default, New: value, Effect: p.Effect}
	old, isSet := set[p.Name]
	if isSet {
		c.Old = old
	}
	c.Changed = c.Old != c.New
	if p.warning != nil {
		c.Warning = p.warning(value)
	}
	if c.Changed && p.touched != nil {
		c.Touched = p.touched(c.Old, c.New)
	}
	if isSet && !c.Changed {
		return c, nil
	}
	drop := stranded(c, set)
	for _, name := range drop {
		is, err := HasSecret(ctx, s.Reader, name)
		if err != nil {
			return Change{}, err
		}
		if is {
			c.Dropped = append(c.Dropped, name)
		}
	}
	return c, s.SetParameter(ctx, actor, p.Name, value, drop...)
}

// known finds a parameter; store.ErrNotFound.
func known(name string) (Parameter, error) {
	p, ok := FindParameter(name)
	if !ok {
		return p, apperr.WithHint(fmt.Errorf("parameter %q: %w", name, store.ErrNotFound), "capf show lists all parameters")
	}
	return p, nil
}

// stranded are the secrets that were given for another place than the one to
// which they would be sent after the change.
func stranded(c Change, set map[string]string) []string {
	moves := c.Name == OnlineHost && !strings.EqualFold(c.Old, c.New) || c.Name == OnlinePort && c.Changed
	if host, ok := set[OnlineHost]; !ok || host == notSet || !moves {
		return nil // as long as there is no place, a password is for the one to come
	}
	return []string{OnlinePassword}
}

// oldTLS warns of a lowest version of TLS that is weak.
func oldTLS(version string) string {
	if version == "1.0" || version == "1.1" {
		return "TLS 1.0 and 1.1 and their RSA and CBC suites are weak; keep them only as long as 79xx or 894x phones need them"
	}
	return ""
}

// NoOnlineCAInFIPS is why the issuer online-ca and FIPS mode exclude each other.
const NoOnlineCAInFIPS = "an online CA is not available in FIPS mode"

// fipsOrOnline refuses the issuer online-ca beside FIPS mode, whichever comes last.
func fipsOrOnline(name, value string, others map[string]string) error {
	switch {
	case name == Issuer && value == IssuerOnline && others[FIPSMode] == "true":
		return apperr.WithHint(apperr.Refused("%s cannot be %s: %s", name, value, NoOnlineCAInFIPS), "capf set fips_mode false, or another issuer")
	case name == FIPSMode && value == "true" && others[Issuer] == IssuerOnline:
		return apperr.WithHint(apperr.Refused("%s cannot be %s: %s, and certificate_issuer is %s", name, value, NoOnlineCAInFIPS, IssuerOnline),
			"set certificate_issuer to capf or offline-ca first")
	}
	return nil
}

// templateOfKind refuses a template that the kind of CA cannot have, whichever
// of template and type comes last.
func templateOfKind(name, value string, others map[string]string) error {
	of, template := others[OnlineType], value
	if name == OnlineType {
		of, template = value, others[OnlineTemplate]
	}
	kind, ok := onlineca.KindOf(onlineca.Type(of))
	if !ok || kind.CheckTemplate == nil {
		return nil
	}
	switch err := kind.CheckTemplate(unset(template)); {
	case err == nil:
		return nil
	case name == OnlineTemplate:
		return apperr.BadValue("%s is the %s of %s: %v", name, kind.TemplateWord, kind.Server, err)
	default:
		return apperr.WithHint(apperr.Refused("%s cannot be %s, for which %s is a %s: %v", name, value, OnlineTemplate, kind.TemplateWord, err),
			"capf set %s %s, or none", OnlineTemplate, strings.ToUpper(kind.TemplateWord))
	}
}
