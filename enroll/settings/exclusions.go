package settings

import (
	"strings"

	"capf/enroll/onlineca"
	"capf/internal/apperr"
)

// Combinations of values that exclude each other. Each rule holds whichever of the
// two parameters is set last.

// NoOnlineCAInFIPS says why the issuer online-ca and FIPS mode exclude each
// other.
const NoOnlineCAInFIPS = "an online CA is not available in FIPS mode"

// fipsOrOnline refuses the issuer online-ca together with FIPS mode, whichever is
// set last.
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
// of template and type is set last.
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
