package restart

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"capf/store"
)

// TestChanges: what a serve has read before another process changed it waits, for
// as long as the serve runs.
func TestChanges(t *testing.T) {
	t.Parallel()
	s, err := store.Create(t.Context(), filepath.Join(t.TempDir(), "capf.db"), store.Options{})
	must(t, err)
	defer s.Close()
	must(t, s.SetKeyCheck(t.Context(), []byte("sealed")))
	host, err := os.Hostname()
	must(t, err)
	began, err := Process(t.Context(), s.Reader)
	must(t, err)
	began["capf_phone_port"], began["tls_min_version"] = "3804", "1.2"
	changed := func(name, value string) map[string]string {
		m := maps.Clone(began)
		m[name] = value
		return m
	}
	must(t, s.SetParameter(t.Context(), store.Actor{Kind: store.Operator}, "capf_phone_port", "3805"))
	atPort := " since " + time.Now().UTC().Format("2006-01-02T")
	for _, test := range []struct {
		name    string
		inForce map[string]string
		want    string
	}{
		{"nothing", changed("capf_phone_port", "3805"), ""},
		{"a parameter", began, "capf_phone_port 3804; it is 3805" + atPort},
		{"a capf before this was reported", nil, "capf 1.0, while a newer one has brought the database up to date"},
		{"a newer capf has migrated", changed("schema", "1"), "capf 1.0, while a newer one has brought the database up to date"},
		{"another master key", changed("master key", "ff"), "the old master key"},
		{"what no capf of today reports", changed("colour", "red"), "capf_phone_port 3804"},
	} {
		must(t, s.ReportServer(t.Context(), store.Server{PID: os.Getpid(), Host: host, Version: "1.0", Since: time.Now().Add(-time.Minute), InForce: test.inForce}))
		found, err := Changes(t.Context(), s.Reader, time.Now())
		must(t, err)
		var all []string
		hit := test.want == "" && len(found) == 0
		for _, w := range found {
			all = append(all, w.String())
			hit = hit || test.want != "" && strings.Contains(w.String(), "still uses "+test.want)
		}
		if !hit {
			t.Errorf("%s: %q", test.name, all)
		}
	}
	found, err := Changes(t.Context(), s.Reader, time.Now().Add(time.Hour))
	if err != nil || len(found) != 0 {
		t.Errorf("a serve that has ended waits for %v, %v", found, err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
