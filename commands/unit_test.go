package commands

import (
	"os"
	"slices"
	"strings"
	"testing"

	"capf/commands/internal/cmdline"
)

// TestUnit holds the systemd unit against the program: its command line is one
// that serve takes, and what the two have agreed on is in it.
func TestUnit(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../scripts/capf.service")
	check(t, err)
	var lines []string
	for line := range strings.Lines(string(text)) {
		lines = append(lines, strings.TrimSpace(line))
		if words, ok := strings.CutPrefix(line, "ExecStart=/usr/local/bin/"); ok {
			l, err := cmdline.Parse(tree(nil), strings.Fields(words))
			check(t, err)
			if l.Name() != "capf serve" || len(l.Args) > 0 {
				t.Errorf("it starts %q", line)
			}
		}
	}
	for _, want := range []string{
		"Type=notify", "WatchdogSec=60", "Restart=always", "RestartPreventExitStatus=2 4", "User=capf", "StateDirectory=capf", "LoadCredential=capf-master-key:/etc/capf/master-key",
		"NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet=", "UMask=0077", "LimitCORE=0",
	} {
		if !slices.Contains(lines, want) {
			t.Errorf("%s is missing", want)
		}
	}
}

// TestUnitForTFTP: the drop-in for port 69 changes what the unit forbids, gives that one
// capability, and the unit names it.
func TestUnitForTFTP(t *testing.T) {
	t.Parallel()
	unit, err := os.ReadFile("../scripts/capf.service")
	check(t, err)
	more, err := os.ReadFile("../scripts/capf-tftp.conf")
	check(t, err)
	if !strings.Contains(string(unit), "capf-tftp.conf") {
		t.Error("capf.service does not name capf-tftp.conf")
	}
	var changed []string
	for line := range strings.Lines(string(more)) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		changed = append(changed, name)
		if !strings.Contains(string(unit), "\n"+name+"=") {
			t.Errorf("the unit says nothing of %s", name)
		}
		if strings.HasSuffix(name, "Capabilities") && value != "CAP_NET_BIND_SERVICE" {
			t.Errorf("%s is %s", name, value)
		}
	}
	if want := []string{"CapabilityBoundingSet", "AmbientCapabilities", "PrivateUsers"}; !slices.Equal(changed, want) {
		t.Errorf("it changes %q", changed)
	}
}

// TestBackupUnit holds the command lines of the nightly backup against the
// program.
func TestBackupUnit(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../scripts/capf-backup.service")
	check(t, err)
	var names []string
	for line := range strings.Lines(string(text)) {
		_, words, ok := strings.Cut(line, "/usr/local/bin/")
		if !ok {
			continue
		}
		words = strings.ReplaceAll(strings.Trim(words, "'\n"), "$$(date +%%a)", "Sun")
		l, err := cmdline.Parse(tree(nil), strings.Fields(words))
		check(t, err)
		names = append(names, l.Name())
	}
	if !slices.Equal(names, []string{"capf check", "capf backup"}) {
		t.Errorf("it runs %q", names)
	}
}
