// Package country knows the two letters (ISO 3166-1) that stand for a country, and what
// people write instead.
package country

import (
	"strings"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"

	"capf/internal/similar"
)

// Code returns the two letters of the country that a text means: its code in any case,
// the three letters of ISO 3166-1, or its English name, which may be slightly misspelt.
// It returns false when no country is meant.
func Code(text string) (code string, ok bool) {
	text = strings.TrimSpace(text)
	if region, err := language.ParseRegion(text); err == nil {
		if region = region.Canonicalize(); region.IsCountry() {
			return region.String(), true
		}
	}
	nearest := len(text)/4 + 1 // so many letters may not be wrong
	for _, known := range Codes() {
		name := Name(known)
		if strings.EqualFold(name, text) {
			return known, true
		}
		if d := similar.Distance(strings.ToLower(name), strings.ToLower(text)); d < nearest {
			code, nearest = known, d
		}
	}
	return code, code != ""
}

// reserved are codes that ISO 3166-1 keeps for islands and the like, at the wish of
// others: they stand for no country.
const reserved = "AC CP DG EA IC TA"

// Codes are the codes of all countries, in their order.
func Codes() (codes []string) {
	for first := 'A'; first <= 'Z'; first++ {
		for second := 'A'; second <= 'Z'; second++ {
			two := string(first) + string(second)
			region, err := language.ParseRegion(two)
			if err == nil && region.IsCountry() && region.Canonicalize() == region && Name(two) != "" && !strings.Contains(reserved, two) {
				codes = append(codes, two)
			}
		}
	}
	return codes
}

// Name is the English name of a country, "" when no country has the code.
func Name(code string) string {
	region, err := language.ParseRegion(code)
	if err != nil || !region.IsCountry() {
		return ""
	}
	return display.English.Regions().Name(region)
}
