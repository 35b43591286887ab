package commands

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// arrows are the packages of ours that each package may import: only downwards
// (docs/developing.md). A path that ends in a slash stands for everything below it.
// A package that is not named here may import none but those of internal, which
// every room needs.
var arrows = map[string][]string{
	"capf":                           {"capf/commands"},
	"capf/commands":                  {"capf/"},
	"capf/commands/internal/cmdline": {"capf/commands/internal/term"},
	"capf/commands/internal/term":    {"capf/commands/internal/host"},
	"capf/commands/internal/host":    {"capf/store"},
	"capf/enroll":                    {"capf/crypto", "capf/enroll/acceptance", "capf/enroll/authority", "capf/enroll/caready", "capf/enroll/onlineca", "capf/enroll/secrets", "capf/enroll/settings", "capf/store"},
	"capf/enroll/acceptance":         {"capf/crypto", "capf/enroll/authority", "capf/enroll/settings", "capf/store"},
	"capf/enroll/archive":            {"capf/crypto/certfile"},
	"capf/enroll/audit":              {"capf/crypto", "capf/enroll/secrets", "capf/store"},
	"capf/enroll/authority":          {"capf/crypto", "capf/crypto/certfile", "capf/enroll/archive", "capf/enroll/lscs", "capf/enroll/secrets", "capf/store"},
	"capf/enroll/backup":             {"capf/crypto", "capf/enroll/authority", "capf/enroll/settings", "capf/store"},
	"capf/enroll/bulk":               {"capf/enroll", "capf/enroll/devices", "capf/enroll/renewal", "capf/enroll/settings", "capf/store"},
	"capf/enroll/caready":            {"capf/enroll/onlineca", "capf/enroll/settings", "capf/store"},
	"capf/enroll/caworker":           {"capf/crypto", "capf/enroll", "capf/enroll/acceptance", "capf/enroll/authority", "capf/enroll/caready", "capf/enroll/liveness", "capf/enroll/onlineca", "capf/enroll/secrets", "capf/enroll/settings", "capf/store"},
	"capf/enroll/devices":            {"capf/crypto", "capf/enroll", "capf/enroll/authority", "capf/enroll/secrets", "capf/enroll/settings", "capf/store"},
	"capf/enroll/directory":          {"capf/enroll", "capf/enroll/backup", "capf/enroll/devices", "capf/enroll/secrets", "capf/enroll/settings", "capf/enroll/templates", "capf/store"},
	"capf/enroll/health":             {"capf/crypto", "capf/store", "capf/enroll/"},
	"capf/enroll/jobs":               {"capf/enroll/bulk", "capf/enroll/devices", "capf/enroll/secrets", "capf/store"},
	"capf/enroll/liveness":           {"capf/store"},
	"capf/enroll/lscs":               {"capf/store"},
	"capf/enroll/offline":            {"capf/crypto", "capf/crypto/certfile", "capf/enroll/acceptance", "capf/enroll/archive", "capf/enroll/settings", "capf/store"},
	"capf/enroll/onlineca":           {"capf/crypto/certfile"},
	"capf/enroll/phone":              {"capf/crypto", "capf/enroll/wire"},
	"capf/enroll/renewal":            {"capf/enroll/settings", "capf/store"},
	"capf/enroll/secrets":            {"capf/crypto", "capf/enroll/settings", "capf/store"},
	"capf/enroll/server":             {"capf/crypto", "capf/enroll", "capf/enroll/authority", "capf/enroll/caworker", "capf/enroll/settings", "capf/enroll/wire", "capf/store"},
	"capf/enroll/settings":           {"capf/crypto", "capf/enroll/onlineca", "capf/store"},
	"capf/enroll/templates":          {"capf/enroll/devices", "capf/enroll/secrets", "capf/enroll/settings", "capf/store"},
	"capf/store":                     {"capf/store/engine", "capf/store/sqlite"},
	"capf/store/sqlite":              {"capf/store/engine"},
}

// homes are the modules that live in one package, or in those below it, with what
// it is called here.
var homes = map[string]string{
	"modernc.org/sqlite":               "capf/store/sqlite",
	"github.com/urfave/cli/v2":         "capf/commands",
	"github.com/olekukonko/":           "capf/commands/internal/term",
	"github.com/AlecAivazis/survey/v2": "capf/commands/internal/term",
	"github.com/go-ldap/ldap/v3":       "capf/enroll/directory",
	"github.com/Azure/go-ntlmssp":      "capf/enroll/onlineca",
	"github.com/prometheus/":           "capf/enroll/metrics",
	"golang.org/x/text/encoding":       "capf/crypto/certfile",
	"golang.org/x/text/unicode":        "capf/internal/wildcard",
}

// TestLayout holds the imports of every package against the picture of the
// house. Programs under scripts are guests: they may import what they measure.
func TestLayout(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "capf/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(p.ImportPath, "capf/scripts/") || strings.HasSuffix(p.ImportPath, "test") {
			continue
		}
		for _, i := range p.Imports {
			if strings.HasPrefix(i, "capf/") && !strings.HasPrefix(i, "capf/internal/") && !slices.ContainsFunc(arrows[p.ImportPath], leadsTo(i)) {
				t.Errorf("%s imports %s: the arrow points the wrong way", p.ImportPath, i)
			}
			for module, home := range homes {
				if strings.HasPrefix(i, module) && p.ImportPath != home && !strings.HasPrefix(p.ImportPath, home+"/") {
					t.Errorf("%s imports %s, which lives in %s", p.ImportPath, i, home)
				}
			}
		}
	}
}

// leadsTo tells the arrows that point to a package.
func leadsTo(path string) func(arrow string) bool {
	return func(arrow string) bool {
		return arrow == path || strings.HasSuffix(arrow, "/") && strings.HasPrefix(path, arrow)
	}
}
