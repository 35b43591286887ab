package store

import (
	"fmt"
	"slices"
	"testing"
)

// TestSchemaFaults changes what a database is built of, as whoever has sqlite3 can.
func TestSchemaFaults(t *testing.T) {
	t.Parallel()
	for statement, want := range map[string][]string{
		"SELECT 1":                    nil,
		"DROP TRIGGER events_stay":    {"trigger events_stay: it is not there false"},
		"DROP TABLE backup_seal":      {"table backup_seal: it is not there true"},
		"DROP INDEX requests_created": {"index requests_created: it is not there false"},
		"CREATE TABLE more (n INT)":   {"table more: capf has not made it false"},
		"DROP INDEX requests_created; CREATE INDEX requests_created ON requests (device)":          {"index requests_created: it is not as capf makes it false"},
		"DROP INDEX requests_created;  CREATE INDEX requests_created\n   ON requests (created_at)": nil, // blanks change nothing
	} {
		s, _ := newStore(t)
		byHand(t, s.Path(), statement)
		var got []string
		for _, f := range all(t, s.SchemaFaults(t.Context())) {
			got = append(got, fmt.Sprintf("%s: %s %v", f.Object, f.Text, f.TableMissing))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", statement, got, want)
		}
	}
}
