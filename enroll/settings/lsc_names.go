package settings

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"capf/crypto"
	"capf/internal/apperr"
	"capf/store"
)

// What stands for the facts of a device in the parameter lsc_common_name.
const (
	namePlace  = "{name}"
	modelPlace = "{model}"
)

// longestCommonName is the bound of RFC 5280 on a common name.
const longestCommonName = 64

// checkCommonName accepts a pattern for common names. It ends with the device's name,
// alone or after a hyphen, as the names in MICs do: everything that reads a common
// name finds the device in that way.
func checkCommonName(value string) (string, error) {
	before, whole := strings.CutSuffix(value, namePlace)
	fixed := strings.Replace(before, modelPlace, "", 1)
	switch {
	case !whole || before != "" && !strings.HasSuffix(before, "-"):
		return "", apperr.BadValue("%s must be %s, or end with -%s, not %q: each phone needs a name of its own", LSCName, namePlace, namePlace, value)
	case strings.ContainsAny(fixed, "{}"):
		return "", apperr.BadValue("%s knows %s and %s, once each, not all of %q", LSCName, namePlace, modelPlace, value)
	case strings.ContainsFunc(fixed, isOddInName):
		return "", apperr.BadValue("%s: only letters, digits, dots, hyphens and underscores can stand beside %s, not %q", LSCName, namePlace, value)
	case len(fixed) > longestCommonName/2:
		return "", apperr.BadValue("%s: no more than %d characters can stand beside %s", LSCName, longestCommonName/2, namePlace)
	}
	return value, nil
}

func isOddInName(r rune) bool {
	return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("._-", r))
}

// checkUnit accepts what can stand in a certificate as an organizational unit.
func checkUnit(value string) (string, error) {
	return value, crypto.Name{OrganizationalUnit: value}.Check()
}

// hardwareModel is how a device's model names the hardware: 8861, CP-8861, Cisco 8861.
// The vendor's names have no more of it than the number and its letters.
var hardwareModel = regexp.MustCompile(`^(?i)(?:Cisco )?(?:IP Phone )?(?:CP-)?([0-9]{3,5}[A-Z0-9]*)$`)

// LSCCommonName is the common name of an LSC for a device whose MIC is not known: as
// the parameter says, or the device's name when its model is not known, or the whole
// would be longer than a certificate can hold.
func (s Settings) LSCCommonName(d store.Device) string {
	model := hardwareModel.FindStringSubmatch(strings.TrimSpace(d.Model))
	if model == nil && strings.Contains(s.LSCName, modelPlace) {
		return d.Name
	}
	name := s.LSCName
	if model != nil {
		name = strings.Replace(name, modelPlace, strings.ToUpper(model[1]), 1)
	}
	name = strings.Replace(name, namePlace, d.Name, 1)
	if name == "" || utf8.RuneCountInString(name) > longestCommonName {
		return d.Name
	}
	return name
}
