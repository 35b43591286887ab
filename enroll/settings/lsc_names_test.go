package settings

import (
	"errors"
	"strings"
	"testing"

	"capf/internal/apperr"
	"capf/store"
)

func TestCommonNamePatterns(t *testing.T) {
	t.Parallel()
	for value, good := range map[string]bool{
		"{name}": true, "CP-{model}-{name}": true, "lab-{name}": true, "Site_1.de-{model}-{name}": true,
		"": false, "phone": false, "{name}.example.com": false, "lab{name}": false, "{NAME}": false, "{device}-{name}": false,
		"{name}-{name}": false, "{model}-{model}-{name}": false, "a b-{name}": false, "ü-{name}": false, "{-{name}": false,
		strings.Repeat("x", 32) + "-{name}": false,
	} {
		_, err := checkCommonName(value)
		if (err == nil) != good || err != nil && !errors.Is(err, apperr.ErrValue) {
			t.Errorf("%q: %v", value, err)
		}
	}
}

func TestLSCCommonName(t *testing.T) {
	t.Parallel()
	const sep = "SEP001122334455"
	for _, test := range []struct{ pattern, model, name, want string }{
		{"{name}", "8861", sep, sep},
		{"CP-{model}-{name}", "8861", sep, "CP-8861-" + sep},
		{"CP-{model}-{name}", "Cisco 8861", sep, "CP-8861-" + sep},
		{"CP-{model}-{name}", "CP-8841nr", sep, "CP-8841NR-" + sep},
		{"CP-{model}-{name}", "Cisco IP Phone 7962", sep, "CP-7962-" + sep},
		{"CP-{model}-{name}", "", sep, sep},
		{"CP-{model}-{name}", "Jabber for Windows", "CSFANNA", "CSFANNA"},
		{"lab-{name}", "", sep, "lab-" + sep},
		{"lab-{name}", "", strings.Repeat("A", 61), strings.Repeat("A", 61)},
		{"lab-{name}", "", strings.Repeat("A", 60), "lab-" + strings.Repeat("A", 60)},
	} {
		if got := (Settings{LSCName: test.pattern}).LSCCommonName(store.Device{Name: test.name, Model: test.model}); got != test.want {
			t.Errorf("%+v: %q", test, got)
		}
	}
}
