package commands

import (
	"strings"
	"testing"
)

func TestNoArchiveOnATerminal(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"capf offline export", "capf csr dump --out -"} {
		var out, said strings.Builder
		env := newEnv(strings.NewReader(""), &out, &said)
		env.screen = true
		if code := env.run(t.Context(), strings.Fields(line)); code != 2 || out.Len() > 0 ||
			!strings.HasSuffix(said.String(), "\nhint: --out FILE writes it to a file; a pipe takes it too\n") {
			t.Errorf("%s: exit code %d\n%s", line, code, said.String())
		}
	}
}
