package commands

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// rooms are the picture of docs/developing.md: each package with those
// that it imports, from the roof down. What a package imports stands below it. All may import
// internal, which is therefore not named.
var rooms = []room{
	{"", "commands"},
	{"commands", "everything"},
	{"commands/internal/shell", "commands/internal/cmdline commands/internal/files commands/internal/term enroll/settings"},
	{"commands/internal/report", "commands/internal/term"},
	{"commands/internal/files", "commands/internal/host enroll/archive"},
	{"commands/internal/cmdline", "commands/internal/term"},
	{"commands/internal/term", "commands/internal/host"},
	{"commands/internal/host", "store"},

	{"enroll/metrics", ""},
	{"enroll/notify", "enroll/health enroll/settings store"},
	{"enroll/boot", "enroll/phone enroll/phoneconfig enroll/transfer enroll/trustlist enroll/tvs enroll/wire crypto"},
	{"enroll/phone", "enroll/wire crypto"},
	{"enroll/directory", "enroll/backup enroll/devices enroll/secrets enroll/settings enroll/templates store"},
	{"enroll/templates", "enroll/devices enroll/secrets enroll/settings store"},
	{"enroll/jobs", "enroll/bulk enroll/devices enroll/secrets store"},
	{"enroll/bulk", "enroll/devices enroll/renewal enroll/settings crypto store"},
	{"enroll/devices", "enroll/approval enroll/authority enroll/secrets enroll/settings crypto store"},

	{"enroll/services", "enroll/settings store"},
	{"enroll/server", "enroll enroll/authority enroll/caworker enroll/restart enroll/settings enroll/wire crypto store"},
	{"enroll/tvs", "enroll enroll/authority enroll/lists enroll/secrets enroll/settings enroll/trustlist crypto store"},
	{"enroll/diagnosis", "enroll enroll/authority enroll/caready enroll/liveness enroll/sessions enroll/settings store"},
	{"enroll/caworker", "enroll enroll/acceptance enroll/authority enroll/caready enroll/liveness enroll/onlineca enroll/secrets enroll/settings crypto store"},
	{"enroll", "enroll/acceptance enroll/authority enroll/caready enroll/onlineca enroll/secrets enroll/settings crypto store"},
	{"enroll/offline", "enroll/acceptance enroll/archive enroll/settings crypto crypto/certfile store"},
	{"enroll/health", "enroll/acceptance enroll/approval enroll/authority enroll/caready enroll/expiry enroll/lists enroll/liveness enroll/provision enroll/renewal enroll/restart enroll/secrets enroll/sessions enroll/settings crypto store"},
	{"enroll/provision", "enroll/lists enroll/phoneconfig enroll/settings enroll/transfer enroll/trustlist crypto store"},
	{"enroll/backup", "enroll/authority enroll/lists enroll/settings crypto store"},
	{"enroll/audit", "enroll/secrets crypto store"},

	{"enroll/phoneconfig", "enroll/lists enroll/settings enroll/trustlist crypto store"},

	{"enroll/sessions", "enroll/liveness store"},
	{"enroll/restart", "enroll/liveness enroll/settings crypto store"},
	{"enroll/acceptance", "enroll/authority enroll/settings crypto store"},
	{"enroll/approval", "enroll/authority enroll/lists enroll/settings crypto crypto/keyfile store"},
	{"enroll/expiry", "enroll/authority enroll/lists enroll/secrets enroll/settings store"},
	{"enroll/lists", "enroll/authority enroll/secrets enroll/settings enroll/trustlist crypto crypto/keyfile store"},
	{"enroll/authority", "enroll/archive enroll/lscs enroll/secrets enroll/settings crypto crypto/certfile store"},
	{"enroll/archive", "crypto/certfile"},
	{"enroll/lscs", "store"},
	{"enroll/secrets", "enroll/settings crypto store"},
	{"enroll/caready", "enroll/onlineca enroll/settings store"},
	{"enroll/renewal", "enroll/settings store"},
	{"enroll/liveness", "store"},
	{"enroll/settings", "enroll/onlineca crypto store"},

	{"enroll/onlineca", "crypto/certfile"},
	{"enroll/trustlist", ""},
	{"enroll/transfer", ""},
	{"enroll/wire", ""},
	{"crypto", ""},
	{"crypto/certfile", ""},
	{"crypto/keyfile", ""},
	{"store", "store/engine store/sqlite"},
	{"store/sqlite", "store/engine"},
	{"store/engine", ""},
}

// room is a package, and the packages that it imports, with spaces between them.
type room struct{ path, imports string }

// homes are the modules that live in one package, or in those below it, with what
// it is called here.
var homes = map[string]string{
	"modernc.org/sqlite":               "store/sqlite",
	"github.com/urfave/cli/v2":         "commands",
	"github.com/olekukonko/":           "commands/internal/term",
	"github.com/AlecAivazis/survey/v2": "commands/internal/term",
	"github.com/go-ldap/ldap/v3":       "enroll/directory",
	"github.com/Azure/go-ntlmssp":      "enroll/onlineca",
	"github.com/pin/tftp/v3":           "enroll/transfer",
	"github.com/prometheus/":           "enroll/metrics",
	"golang.org/x/text/encoding":       "internal/charset",
	"golang.org/x/text/language":       "internal/country",
	"golang.org/x/text/unicode":        "internal/wildcard",
	"go.yaml.in/yaml/v3":               "internal/document",
	"software.sslmate.com/":            "crypto/keyfile",
}

// TestLayout holds the imports of every package against the picture of the house.
// Programs under scripts are guests: they may import what they measure.
func TestLayout(t *testing.T) {
	floor, imports := map[string]int{}, map[string][]string{}
	for i, r := range rooms {
		floor[r.path], imports[r.path] = i, strings.Fields(r.imports)
	}
	for path, all := range importsOfPackages(t) {
		wanted, known := imports[path]
		if !known && !strings.HasPrefix(path, "internal/") {
			t.Errorf("%q is not in the picture of the house", path)
		}
		for _, i := range all {
			switch ours, ok := strings.CutPrefix(i, "capf/"); {
			case !ok:
				for module, home := range homes {
					if strings.HasPrefix(i, module) && path != home && !strings.HasPrefix(path, home+"/") {
						t.Errorf("%s imports %s, which lives in %s", path, i, home)
					}
				}
			case strings.HasPrefix(ours, "internal/"):
			case path != "commands" && !slices.Contains(wanted, ours):
				t.Errorf("%s imports %s, which the picture of the house does not show", path, ours)
			case floor[ours] <= floor[path]:
				t.Errorf("%s imports %s: the arrow points upwards", path, ours)
			}
		}
		for _, w := range wanted {
			if w != "everything" && !slices.Contains(all, "capf/"+w) {
				t.Errorf("%s does not import %s, as the picture of the house shows", path, w)
			}
		}
		delete(imports, path)
	}
	for path := range imports {
		t.Errorf("%q is in the picture of the house, and nowhere else", path)
	}
}

// importsOfPackages are what the packages of the house import, by their paths within
// the module.
func importsOfPackages(t *testing.T) map[string][]string {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "capf/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		path := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, "capf"), "/")
		guest := strings.HasPrefix(path, "scripts/") || strings.HasSuffix(path, "test")
		if !guest {
			all[path] = p.Imports
		}
	}
}
