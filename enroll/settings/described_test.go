package settings

import (
	"errors"
	"strings"
	"testing"

	"capf/internal/apperr"
)

// FuzzDescribe holds that no file does more than set parameters that exist, each once,
// or is refused without telling a secret that stands in it.
func FuzzDescribe(f *testing.F) {
	for _, seed := range []string{
		"keep_alive 20\n# comment\n\ncapf-phone-port\t4000\n", "online_ca_password hunter2", "online_ca_password file:pw\n",
		"version: 1\nparameters:\n  keep_alive: 20\n  online_ca_password: {file: pw}\n", "version: 1\nparameters: [keep_alive]\n", "---\n", "{}", "keep_alive",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		all, err := Describe(data, func(_, file string) ([]byte, error) { return []byte("secret of " + file), nil })
		if err != nil && !errors.Is(err, apperr.ErrRefused) {
			t.Errorf("%v", err)
		}
		if err != nil {
			return
		}
		seen := map[string]bool{}
		for _, d := range all {
			p, known := FindParameter(d.Name)
			if !known || seen[p.Name] || d.Line < 1 || p.Secret && d.Secret == nil && !strings.EqualFold(d.Value, notSet) {
				t.Errorf("%+v", d)
			}
			seen[p.Name] = true
		}
	})
}
