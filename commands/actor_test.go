package commands

import (
	"strings"
	"testing"

	"capf/commands/internal/host"
)

// TestActor: the record has what the system vouches for, and what the caller says
// is recorded as his words.
func TestActor(t *testing.T) {
	t.Parallel()
	me := host.UserName()
	for _, test := range []struct {
		name, login, sudo string
		bySudo            bool
		want              string
	}{
		{"nobody says anything", "", "", false, me},
		{"who logged in", "olga", "", false, "olga"},
		{"who logged in, through sudo", "olga", "olga", true, "olga"},
		{"who logged in says another", "olga", "eve", false, "olga"},
		{"sudo says it", "", "olga", true, "olga"},
		{"the caller says it", "", "eve", false, me + " (says eve)"},
		{"the caller says the truth", "", me, false, me},
	} {
		env := &Env{Getenv: func(name string) string { return map[string]string{"SUDO_USER": test.sudo}[name] }, witness: host.Witness{
			Login:  func() (host.User, bool) { return host.User{Name: test.login, ID: 1001}, test.login != "" },
			Sudoer: func(func(string) string) (host.User, bool) { return host.User{Name: test.sudo, ID: 1001}, test.bySudo },
		}}
		if got := env.actor().Name; got != test.want {
			t.Errorf("%s: %q, not %q", test.name, got, test.want)
		}
	}
	for said, want := range map[string]string{"": "", "192.0.2.7 50000 22": "192.0.2.7", "192.0.2.8 50000 22": "(says 192.0.2.8)"} {
		env := &Env{Getenv: func(name string) string { return map[string]string{"SSH_CLIENT": said}[name] }, witness: host.Witness{
			Login: func() (host.User, bool) { return host.User{}, false }, Sudoer: func(func(string) string) (host.User, bool) { return host.User{}, false },
			Connected: func(client string) bool { return strings.HasPrefix(client, "192.0.2.7 ") },
		}}
		if got := env.actor().Address; got != want {
			t.Errorf("%q: %q, not %q", said, got, want)
		}
	}
}
