package store

import (
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"testing"
)

// TestMigrationOfShares: a share of life that was a number for no one but the
// parser before, such as NaN, turns renewal off; others stay.
func TestMigrationOfShares(t *testing.T) {
	t.Parallel()
	for value, stays := range map[string]bool{
		"NaN%": false, "nan": false, "6.6e-1": false, "0x1p-1": false, "+0.5": false, "2/3": true, "66.6%": true, "0.66": true, "0": true,
	} {
		path := filepath.Join(t.TempDir(), "capf.db")
		script := fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = 8;\n", applicationID)
		files, err := migrations.ReadDir("migrations")
		must(t, err)
		for _, f := range files[:8] {
			text, err := migrations.ReadFile("migrations/" + f.Name())
			must(t, err)
			script += string(text)
		}
		sqlIn(t, path, script+strings.ReplaceAll("INSERT INTO parameters VALUES ('keep_alive', '20'), ('renew_before', '?')", "?", value))
		got, err := openStore(t, path, Options{}).Parameters(t.Context())
		must(t, err)
		want := map[string]string{"keep_alive": "20"}
		if stays {
			want["renew_before"] = value
		}
		if !maps.Equal(got, want) {
			t.Errorf("%s: the parameters are %v", value, got)
		}
	}
}
