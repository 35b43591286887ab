package commands

import (
	"path/filepath"
	"strings"
	"testing"

	"capf/commands/internal/cmdline"
)

// secretive are the flags that no reader may have.
var secretive = []string{"reveal", "strings-file", "sheet", "online"}

// TestRoles: whoever adds a command decides which role it is for.
func TestRoles(t *testing.T) {
	t.Parallel()
	for _, l := range cmdline.Leaves(tree(nil), "capf") {
		if l.Privilege != cmdline.OutsideShell && l.Role == cmdline.Undeclared {
			t.Errorf("%s says for no role that it may be used: Role: cmdline.Reader, for one that changes nothing", l.Name)
		}
		known := map[string]bool{}
		for _, f := range l.AllFlags() {
			known[f.Names()[0]] = true
		}
		for _, name := range secretive {
			if _, raised := l.Raises[name]; known[name] && !raised && l.Role < cmdline.Helpdesk {
				t.Errorf("%s --%s hands out a secret, or asks another system, and is for the %s", l.Name, name, l.Role)
			}
		}
		for name, needs := range l.Raises {
			if !known[name] {
				t.Errorf("%s has no flag --%s that could need more", l.Name, name)
			}
			if needs.Within(l.Needs()) {
				t.Errorf("%s --%s needs no more than the command", l.Name, name)
			}
		}
	}
}

// TestRoleLimits holds what each role may, and that a refusal names what needs more.
func TestRoleLimits(t *testing.T) {
	t.Parallel()
	dir := house(t)
	for _, test := range []struct {
		role, line string
		code       int
		says       string
	}{
		{"reader", "device list --csv", 0, "front desk"},
		{"reader", "cert export capf --out sub/new.pem", 0, ""},
		{"reader", "cert export capf --out inside.txt --force", 4, "so the role reader does not replace it"},
		{"reader", "set keep_alive 20", 4, "set keep_alive needs the role operator, this session has reader"},
		{"reader", "stale-lsc delete all", 4, "stale-lsc delete needs the role operator"},
		{"reader", "device generate-string SEP001122334455", 4, "needs the role helpdesk"},
		{"reader", "device unlock SEP001122334455", 4, "needs the role helpdesk"},
		{"reader", "device show SEP001122334455 --reveal", 4, "device show --reveal needs the role operator"},
		{"helpdesk", "device generate-string SEP001122334455", 0, "has a new authentication string"},
		{"helpdesk", "device unlock SEP001122334455", 0, "was not locked"},
		{"helpdesk", "device set SEP001122334455 --operation install --completes-by +2d", 0, "Install/Upgrade is scheduled"},
		{"helpdesk", "device set SEP001122334455 --operation install --auth-mode null-string", 4, "device set --auth-mode needs the role operator, this session has helpdesk"},
		{"helpdesk", "device set SEP001122334455 --clear description", 4, "device set --clear needs the role operator"},
		{"helpdesk", "bulk update --all --operation install --yes", 4, "bulk update needs the role operator"},
		{"helpdesk", "device delete SEP001122334455 --yes", 4, "needs the role operator"},
		{"operator", "set keep_alive 20", 0, "keep_alive is 20 now"},
		{"operator", "device set SEP001122334455 --pool Berlin", 0, "changed"},
		{"operator", "set certificate_issuer offline-ca", 4, "set certificate_issuer needs the role admin, this session has operator"},
		{"operator", "set allow_null_string false", 4, "needs the role admin"},
		{"operator", "cert upload sub/new.pem --purpose capf-trust", 4, "cert upload needs the role admin"},
		{"operator", "device migrate SEP001122334455 --from sub/new.pem", 4, "device migrate --from needs the role admin"},
		{"operator", "cert regenerate capf --yes", 4, "needs the role admin"},
		{"operator", "audit prune --before 2020-01-01 --yes", 4, "needs the role admin"},
		{"admin", "set certificate_issuer offline-ca", 0, "offline-ca now"},
		{"admin --privilege 0", "set certificate_issuer capf", 4, "set certificate_issuer needs privilege 4"},
		{"reader --privilege 0", "set keep_alive 30", 4, "needs the role operator"},
		{"admin", "serve", 4, "not available"},
	} {
		cmd := capfProcess(t, dir, append([]string{"shell", "--role"}, strings.Fields(test.role)...)...)
		cmd.Env = append(cmd.Env, sshLine+"="+test.line)
		out, _ := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != test.code || !strings.Contains(string(out), test.says) {
			t.Errorf("%s: %s: exit code %d, want %d, %q\n%s", test.role, test.line, code, test.code, test.says, out)
		}
	}
	if out := must(t, dir, "audit", "list", "--action", "shell-refused", "--csv"); !strings.Contains(out, "device set --auth-mode needs the role operator") {
		t.Errorf("the record has\n%s", out)
	}
	if code, out := capf(t, dir, "shell", "--role", "boss"); code != 2 || !strings.Contains(out, `--role: "boss" is not reader, helpdesk, operator, admin`) {
		t.Errorf("exit code %d\n%s", code, out)
	}
}

// TestRoleOffers: help, ? and completion offer what the role may do and nothing else.
func TestRoleOffers(t *testing.T) {
	t.Parallel()
	dir := house(t)
	for _, test := range []struct{ role, line, offers, not string }{
		{"reader", "help", "status", "set "},
		{"reader", "help device", "history", "generate-string"},
		{"reader", "device show --help", "--json", "--reveal"},
		{"helpdesk", "device set --help", "--completes-by", "--auth-mode"},
		{"helpdesk", "device ?", "unlock", "delete"},
		{"operator", "set ?", "keep_alive", "certificate_issuer"},
		{"operator", "help cert", "export", "upload"},
		{"admin", "set ?", "certificate_issuer", "apply_config_command"},
	} {
		cmd := capfProcess(t, dir, "shell", "--role", test.role)
		cmd.Env = append(cmd.Env, sshLine+"="+test.line)
		out, err := cmd.Output()
		if err != nil || !strings.Contains(string(out), test.offers) || strings.Contains(string(out), "  "+test.not) {
			t.Errorf("%s: %s: %v, want %q and not %q\n%s", test.role, test.line, err, test.offers, test.not, out)
		}
	}
	// One who is locked out is let in again, and the record says by whom.
	must(t, dir, "device", "generate-string", "SEP001122334455")
	run(t, "sqlite3", filepath.Join(dir, "capf.db"), "UPDATE devices SET locked_until = (unixepoch() + 300) * 1000, locked_for = 'wrong-strings'")
	if out := must(t, dir, "device", "unlock", "SEP001122334455", "--json"); !strings.Contains(out, `"was_locked": true`) {
		t.Errorf("device unlock says\n%s", out)
	}
	if out := must(t, dir, "device", "show", "SEP001122334455", "--json"); !strings.Contains(out, `"locked_until": null`) {
		t.Errorf("the device is\n%s", out)
	}
	if out := must(t, dir, "device", "history", "SEP001122334455"); !strings.Contains(out, "device-unlock") {
		t.Errorf("the history is\n%s", out)
	}
}
