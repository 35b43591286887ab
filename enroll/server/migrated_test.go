package server_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"capf/crypto"
	"capf/enroll/authority"
	"capf/enroll/phone"
	"capf/enroll/wire"
	"capf/store"
)

// oldSchema is the last version before LSCs counted by the record.
const oldSchema = 8

// sqlite runs statements in a database file and returns what they print.
func sqlite(t testing.TB, path, statements string) string {
	t.Helper()
	cmd := exec.Command("sqlite3", "-bail", path)
	cmd.Stdin = strings.NewReader(statements)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("sqlite3: %v\n%s", err, out)
	}
	return string(out)
}

// asOld writes a database of the old schema with the rows of a present one.
func asOld(t testing.TB, present, old string) {
	t.Helper()
	files, err := filepath.Glob("../../store/sqlite/migrations/*.sql")
	if err != nil || len(files) < oldSchema {
		t.Fatal(files, err)
	}
	script := "PRAGMA journal_mode = WAL;\nPRAGMA application_id = " + sqlite(t, present, "PRAGMA application_id;") +
		fmt.Sprintf(";\nPRAGMA user_version = %d;\n", oldSchema)
	for _, f := range files[:oldSchema] {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		script += string(text)
	}
	sqlite(t, old, script)
	// Parents before children.
	const tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY rowid;"
	copying := fmt.Sprintf("ATTACH '%s' AS present;\nBEGIN;\n", present)
	for table := range strings.FieldsSeq(sqlite(t, old, tables)) {
		// Columns that there are no more keep their defaults.
		columns := strings.Join(strings.Fields(sqlite(t, old, fmt.Sprintf("ATTACH '%s' AS present;\nSELECT name FROM pragma_table_info('%s') WHERE name IN (SELECT name FROM pragma_table_info('%[2]s', 'present'));", present, table))), ", ")
		copying += fmt.Sprintf("DELETE FROM main.%s;\nINSERT INTO main.%s (%s) SELECT %s FROM present.%s;\n", table, table, columns, columns, table)
	}
	// Later migrations add the other services.
	sqlite(t, old, copying+"DELETE FROM main.services WHERE name NOT IN ('capf', 'enrollment');\nCOMMIT;\n")
}

// TestOldRecord lets phones on with a database of the old state machine: what
// they have is what it was, also for By Existing Certificate, for a phone that
// comes from another cluster, and for a renewal.
func TestOldRecord(t *testing.T) {
	t.Parallel()
	h := open(t)
	foreign := newCA(t, "CAPF-0badcafe")
	if _, err := h.trustStores().Upload(t.Context(), operator, []authority.UploadFile{{Data: foreign.Leaf().Raw, Purposes: []store.Purpose{store.CAPFTrust}}},
		authority.UploadOptions{ForeignCAPF: true}); err != nil {
		t.Fatal(err)
	}
	has := map[string]*phone.Identity{}
	has["installed"], _ = h.enrolled("installed")
	has["renewed"], _ = h.enrolled("renewed")
	h.add("issued", store.Install)
	has["issued"], _ = h.unconfirmed("issued")
	h.add("stale", store.Install)
	has["stale"], _ = h.unconfirmed("stale")
	h.unconfirmed("stale")
	has["replaced"], _ = h.enrolled("replaced")
	h.enrolAgain("replaced")
	has["deleted"], _ = h.enrolled("deleted")
	h.schedule("deleted", store.Delete)
	if _, err := h.phone("deleted"); err != nil {
		t.Fatal(err)
	}
	has["gone"], _ = h.enrolled("gone")
	if err := h.base.Store.DeleteDevice(t.Context(), operator, "gone"); err != nil {
		t.Fatal(err)
	}
	has["purged"], _ = h.enrolled("purged")
	has[sep] = identity(t, foreign, crypto.RSA2048, "CP-8861-"+sep, "", h.clock.now(), 90)
	h.add(sep, store.NoOperation)
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	present := h.base.Store.Path()
	if err := h.base.Store.Close(); err != nil {
		t.Fatal(err)
	}

	old := filepath.Join(t.TempDir(), "old.db")
	asOld(t, present, old)
	// The old foreign_capf, and the old stale-lsc delete, which removed rows.
	sqlite(t, old, "UPDATE trust_certificates SET foreign_capf = 1 WHERE purpose = 'capf-trust' AND subject LIKE '%CAPF-0badcafe%'; DELETE FROM lscs WHERE device = 'purged';")
	s, err := store.Open(t.Context(), old, store.Options{Now: h.clock.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	h.base = &base{Store: s, Sealer: h.base.Sealer, Now: h.base.Now, Rand: h.base.Rand, Log: h.base.Log}
	for c, err := range s.Contradictions(t.Context()) {
		t.Errorf("%s: %s, %v", c.Object, c.Text, err)
	}
	h.start()
	h.add("gone", store.Install)
	for _, name := range []string{"installed", "issued", "stale", sep} {
		if err := h.shows(name, has[name]); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, why := range map[string]string{
		"replaced": "was replaced on", "deleted": "was deleted on", "purged": "is not in the record", "gone": "that has been deleted",
	} {
		h.refused(name, has[name], why)
	}
	// A renewal, and one more with what came of it.
	for range 2 {
		h.change("renewed", mode(store.ByLSCPrecedence))
		h.schedule("renewed", store.Install)
		f := &flash{}
		if _, err := h.phone("renewed", f.config, func(c *phone.Config) { c.Existing = has["renewed"] }); err != nil {
			t.Fatal("renewed:", err)
		}
		has["renewed"] = &phone.Identity{Certificate: f.certificate, Key: f.key, Type: wire.TypeLSC}
	}
	if got := fmt.Sprint(h.lscs("renewed")); got != "[replaced replaced installed]" {
		t.Errorf("the LSCs of the renewed one are %s", got)
	}
	for c, err := range s.Contradictions(t.Context()) {
		t.Errorf("in the end %s: %s, %v", c.Object, c.Text, err)
	}
}
