package secrets

import (
	"slices"
	"strings"
	"testing"
)

// TestMasterKeyFile says where the master key is looked for.
func TestMasterKeyFile(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ database, env, there, want string }{
		{"/srv/x.db", "", "/etc/capf", "/srv/x.master-key"},
		{"/srv/x.db", "", "capf-master-key", "/srv/x.master-key"}, // a file of that name in the working folder
		{"/srv/x.db", "CAPF_MASTER_KEY_FILE=/k CREDENTIALS_DIRECTORY=/c", "", "/k"},
		{SystemDatabase, "CREDENTIALS_DIRECTORY=/c", "/etc/capf /c/capf-master-key", "/c/capf-master-key"},
		{SystemDatabase, "CREDENTIALS_DIRECTORY=/c", "/etc/capf", systemKey}, // another credential
		{SystemDatabase, "", "", "/var/lib/capf/capf.master-key"},
		{SystemDatabase, "", "/etc/capf", "/etc/capf/master-key"},
		{SystemDatabase, "", "/etc/capf /var/lib/capf/capf.master-key", "/var/lib/capf/capf.master-key"},
		{SystemDatabase, "CAPF_MASTER_KEY_FILE=/k", "/etc/capf", "/k"},
	} {
		getenv := func(name string) string {
			for _, v := range strings.Fields(test.env) {
				if value, ok := strings.CutPrefix(v, name+"="); ok {
					return value
				}
			}
			return ""
		}
		got := masterKeyFile(test.database, getenv, func(path string) bool { return slices.Contains(strings.Fields(test.there), path) })
		if got != test.want {
			t.Errorf("%+v: %s", test, got)
		}
	}
}
