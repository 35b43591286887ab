package settings

import (
	"strings"
	"testing"
)

func TestHostNames(t *testing.T) {
	label := strings.Repeat("a", 63)
	for name, want := range map[string]bool{
		"ca.example.com": true, "ca.example.com.": true, "ca": true, "_": true, "a_b.-c": false, "_msdcs.example.com": true,
		label: true, label + "a": false, strings.Repeat(label+".", 3) + label[:61]: true, strings.Repeat(label+".", 4): false,
		"": false, ".": false, "a..b": false, "a..": false, "-a": false, "a-": false, "a_": false, "a-b": true,
		"https://ca": false, "ca:443": false, "ca/certsrv": false, "cä": false, "a b": false,
	} {
		if got, err := parseHost(name); (err == nil) != want {
			t.Errorf("%q: %q, %v", name, got, err)
		}
	}
}
