package store

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestVocabularies holds the CHECKs of the schema against the vocabularies:
// each value fits, and the schema has no others.
func TestVocabularies(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	d := addDevice(t, s, "SEP000000000001")
	l := issue(t, s, d)
	_, err := s.SubmitRequest(t.Context(), phone(d.Name), request(d))
	must(t, err)
	for _, v := range []struct {
		table, column string
		words         []string
	}{
		{"devices", "security_mode", SecurityModes()},
		{"devices", "ip_mode", IPModes()},
		{"devices", "operation", Operations()},
		{"devices", "auth_mode", AuthModes()},
		{"devices", "key_order", KeyOrders()},
		{"devices", "status", shorts(statuses)},
		{"requests", "state", RequestStates()},
		{"lscs", "state", LSCStates()},
	} {
		set := func(word string) error {
			return s.change(t.Context(), func(t *tx) error {
				_, err := t.exec("UPDATE "+v.table+" SET "+v.column+" = ? WHERE id = ?", word, l.ID)
				return err
			})
		}
		for _, word := range v.words {
			if err := set(word); err != nil {
				t.Errorf("%s.%s = %q: %v", v.table, v.column, word, err)
			}
		}
		for _, word := range []string{"", "nonsense", strings.ToUpper(v.words[0]), strings.Join(v.words[:2], " "), " " + v.words[0]} {
			if set(word) == nil {
				t.Errorf("%s.%s = %q is allowed", v.table, v.column, word)
			}
		}
		if got := checked(t, s, v.table, v.column); !slices.Equal(got, v.words) {
			t.Errorf("%s.%s allows %q, want %q", v.table, v.column, got, v.words)
		}
	}
}

var quoted = regexp.MustCompile(`'([^']*)'`)

// checked reads the words of a CHECK from the schema.
func checked(t *testing.T, s *Store, table, column string) (words []string) {
	t.Helper()
	var schema string
	must(t, s.point(t.Context(), "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?", []any{table}, &schema))
	_, check, _ := strings.Cut(schema, "\n    "+column+" ")
	_, check, _ = strings.Cut(check, "CHECK (")
	check, _, _ = strings.Cut(check, "),\n")
	for _, m := range quoted.FindAllStringSubmatch(check, -1) {
		words = append(words, strings.Fields(m[1])...)
	}
	return words
}

// TestEventsStay tries to rewrite the record.
func TestEventsStay(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	addDevice(t, s, "SEP000000000001")
	for _, statement := range []string{"DELETE FROM events", "UPDATE events SET outcome = 'fine'"} {
		err := s.change(t.Context(), func(t *tx) error { return t.roll(statement) })
		if err == nil {
			t.Errorf("%q has been carried out", statement)
		}
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	s, c := newStore(t)
	for i := range 6 {
		e := Event{Actor: operator, Device: []string{"", "SEP1", "sep2"}[i%3], Action: fmt.Sprint("a", i%2), Detail: fmt.Sprint(i)}
		must(t, s.AddEvent(t.Context(), e))
		c.move(time.Minute)
	}
	for _, test := range []struct {
		filter EventFilter
		want   string
	}{
		{EventFilter{}, "012345"},
		{EventFilter{Device: "SEP2"}, "25"},
		{EventFilter{Device: "s*"}, "1245"},
		{EventFilter{Since: new(start.Add(3 * time.Minute))}, "345"},
		{EventFilter{Action: "a1"}, "135"},
		{EventFilter{Limit: 2}, "45"},
		{EventFilter{Limit: 2, Device: "sep1"}, "14"},
		{EventFilter{Limit: 1, Action: "a0", Device: "sep*"}, "4"},
	} {
		var got string
		for _, e := range all(t, s.Events(t.Context(), test.filter)) {
			got += e.Detail
		}
		if got != test.want {
			t.Errorf("%+v: %s, want %s", test.filter, got, test.want)
		}
	}
	if s.AddEvent(t.Context(), Event{Actor: operator}) == nil {
		t.Error("an event without an action is kept")
	}
}

// TestPlans asks SQLite how it would answer each list.
func TestPlans(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	addDevice(t, s, "SEP000000000001")
	now := start
	for _, test := range []struct {
		q    query
		want string
	}{
		{query{selection: "SELECT * FROM devices", terms: []string{"name = 'x'"}}, "sqlite_autoindex_devices_1 (name=?)"},
		{DeviceFilter{Name: "SEP*"}.query(now), "sqlite_autoindex_devices_1 (name>? AND name<?)"},
		{DeviceFilter{Pool: "x"}.query(now), "sqlite_autoindex_devices_1"},
		{DeviceFilter{Operation: Install}.query(now), "devices_scheduled (operation=?)"},
		{DeviceFilter{Failed: true}.query(now), "devices_failed"},
		{DeviceFilter{Status: Failed(Install, Late)}.query(now), "devices_failed"},
		{DeviceFilter{Late: true}.query(now), "devices_scheduled"},
		{query{selection: "SELECT count(*) FROM devices", terms: []string{isLate}, args: []any{1}}, "COVERING INDEX devices_scheduled"},
		{RequestFilter{State: RequestPending}.query(), "requests_pending"},
		{RequestFilter{State: RequestPending, Since: new(now)}.query(), "requests_pending (created_at>?)"},
		{RequestFilter{Since: new(now)}.query(), "requests_created (created_at>?)"},
		{RequestFilter{}.query(), "requests_created"},
		{RequestFilter{Device: "SEP1"}.query(), "requests_device_id (device_id=?)"},
		{RequestFilter{Device: "SEP1"}.query(), "requests_left (device=?)"},
		{JobFilter{Troubled: true, EndedSince: new(now)}.query(), "jobs_troubled (ended_at>?)"},
		{RequestFilter{ID: 1}.query(), "PRIMARY KEY (rowid=?)"},
		{LSCFilter{State: LSCStale}.query(), "lscs_stale"},
		{query{selection: "SELECT 1 FROM lscs", terms: []string{"not_after <= 1 AND state = 'discarded'"}}, "lscs_discarded (not_after<?)"},
		{query{selection: "SELECT 1 FROM lscs", terms: []string{"serial = '1' AND issuer = '2'"}}, "sqlite_autoindex_lscs_2 (serial=? AND issuer=?)"},
		{query{selection: "SELECT 1 FROM lscs", terms: []string{"device_id = 1 AND held = 'installed'"}}, "lscs_held (device_id=?)"},
		{query{selection: "SELECT session FROM requests", terms: []string{"device_id = 1"}, order: "id DESC"}, "requests_device_id (device_id=?)"},
		{query{selection: "SELECT 1 FROM requests", terms: []string{"state = 'pending' AND voucher = 'lsc' AND voucher_fingerprint = x'01'"}}, "requests_vouched"},
		{LSCFilter{Device: "SEP1"}.query(), "lscs_device_id (device_id=?)"},
		{LSCFilter{Device: "SEP1"}.query(), "lscs_left (device=?)"},
		{LSCFilter{Serial: "1"}.query(), "sqlite_autoindex_lscs_2 (serial=?)"},
		{issuersQuery(now), "COVERING INDEX lscs_issuer"},
		{countEndsQuery([]time.Time{now, now}), "INDEX lscs_ends"},
		{expiriesQuery(now, &now), "lscs_ends (not_after<?)"},
		{endsByPoolQuery(now, now, now), "lscs_ends (not_after>? AND not_after<?)"},
		{LSCFilter{ExpiresBefore: new(now)}.query(), "lscs_not_after (not_after<?)"},
		{EventFilter{}.query(), "events_at"},
		{EventFilter{Since: new(now)}.query(), "events_at (at>?)"},
		{EventFilter{Action: "set", Limit: 5}.query(), "events_at"},
		{EventFilter{Device: "SEP1", Since: new(now)}.query(), "events_device (device=? AND at>?)"},
	} {
		plan := explain(t, s, test.q)
		if !strings.Contains(plan, test.want) {
			t.Errorf("%s\n%swant %q", test.q, plan, test.want)
		}
	}
}

func explain(t *testing.T, s *Store, q query) (plan string) {
	t.Helper()
	rows, err := s.lists.db.Query("EXPLAIN QUERY PLAN "+q.String(), q.args...)
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused int
		var detail string
		must(t, rows.Scan(&id, &parent, &unused, &detail))
		plan += detail + "\n"
	}
	must(t, rows.Err())
	return plan
}

func TestMigration(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	path := s.Path()
	script := "PRAGMA user_version = 0; PRAGMA foreign_keys = OFF;\n"
	rows, err := s.lists.db.Query("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~'")
	must(t, err)
	for rows.Next() {
		var table string
		must(t, rows.Scan(&table))
		script += "DROP TABLE " + table + ";\n"
	}
	must(t, rows.Err())
	must(t, s.Close())
	sqlIn(t, path, script)
	_, err = Open(t.Context(), path, Options{ReadOnly: true})
	wantErr(t, err, ErrReadOnly)
	addDevice(t, openStore(t, path, Options{}), "SEP000000000001")
	addDevice(t, openStore(t, path, Options{}), "SEP000000000002")
	checkIntegrity(t, path)
}

// oldDatabase is one of the schema version, with rows that a script makes.
func oldDatabase(t *testing.T, version int, rows ...string) (path string) {
	t.Helper()
	files, err := migrations.ReadDir("migrations")
	must(t, err)
	path = filepath.Join(t.TempDir(), "capf.db")
	script := fmt.Sprintf("PRAGMA journal_mode = WAL; PRAGMA application_id = %d; PRAGMA user_version = %d;\n", applicationID, version)
	for _, f := range files[:version] {
		one, err := migrations.ReadFile("migrations/" + f.Name())
		must(t, err)
		script += string(one)
	}
	sqlIn(t, path, script+strings.Join(rows, ";\n"))
	return path
}

// TestMigrationOfRows: what stood in a database of any older schema stands in
// the new one, and nothing is wrong with it.
func TestMigrationOfRows(t *testing.T) {
	t.Parallel()
	const events = 2500 // more than are chained at once
	rows := []string{
		`INSERT INTO devices (name, security_mode, ip_mode, operation, auth_mode, key_order, rsa_bits, ec_bits, completes_by, status, schedule, created_at, updated_at, sealed_string)
			VALUES ('SEP000000000001', 'encrypted', 'ipv6', 'install', 'auth-string', 'ec', 2048, 384, 5000, 'pending', 3, 1000, 2000, x'01')`,
		`INSERT INTO requests (device_id, device, created_at, schedule, state, issuer, key_kind, possessed, key_hash, public_key, csr)
			VALUES (1, 'SEP000000000001', 1000, 3, 'issued', 'capf', 'ec-384', 1, x'02', x'03', x'04')`,
		`INSERT INTO lscs (request_id, device_id, device, serial, subject, issuer, key_kind, not_before, not_after, state, issued_at, installed_at, fingerprint, certificate)
			VALUES (1, 1, 'SEP000000000001', 'a1', 'CN=a', 'CN=b', 'ec-384', 1000, 9000, 'installed', 1000, 1500, x'05', x'06')`,
		"UPDATE sqlite_sequence SET seq = 7 WHERE name = 'lscs'", // later ones have been deleted
		"INSERT INTO device_certificates VALUES (1, 'mic', 1000, x'07')",
		`INSERT INTO trust_certificates (purpose, subject, issuer, serial, not_before, not_after, added_at, fingerprint, certificate)
			VALUES ('capf-trust', 'CN=b', 'CN=b', '1', 1000, 9000, 1000, x'08', x'09')`,
		"INSERT INTO identity (id, created_at, sealed_key) VALUES (1, 1000, x'0a')", "INSERT INTO identity_chain VALUES (0, x'0b')", "INSERT INTO key_check VALUES (1, x'0c')",
		"INSERT INTO parameters VALUES ('keep_alive', '20')", "UPDATE services SET restarts = 7",
		fmt.Sprintf(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
			INSERT INTO events (at, actor_kind, actor_name, address, terminal, command, device, action, step, outcome, detail)
			SELECT i, 'phone', 'SEP000000000001', '192.0.2.1', '', '', 'SEP000000000001', 'enroll', 'issue', 'ok', 'number ' || i FROM n`, events),
	}
	const tell = `SELECT group_concat(text, ' ') FROM (SELECT (SELECT name || security_mode || completes_by || schedule || hex(sealed_string) FROM devices)
		|| (SELECT state || hex(csr) FROM requests) || (SELECT serial || state || installed_at || hex(certificate) FROM lscs) || (SELECT hex(certificate) FROM device_certificates)
		|| (SELECT subject || hex(fingerprint) FROM trust_certificates) || (SELECT hex(sealed_key) FROM identity) || (SELECT hex(certificate) FROM identity_chain)
		|| (SELECT hex(sealed) FROM key_check) || (SELECT value FROM parameters) || (SELECT sum(restarts) FROM services WHERE name IN ('capf', 'enrollment'))
		|| (SELECT seq FROM sqlite_sequence WHERE name = 'lscs') AS text)`
	files, err := migrations.ReadDir("migrations")
	must(t, err)
	newest := len(files)
	for version := 1; version <= newest; version++ {
		kept, before := int64(events), rows
		if version >= 4 { // an event has to have its hash
			kept, before = 0, rows[:len(rows)-1]
		}
		s := openStore(t, oldDatabase(t, version, before...), Options{})
		for _, found := range [][]Contradiction{all(t, s.Damages(t.Context())), all(t, s.Contradictions(t.Context()))} {
			if found != nil {
				t.Errorf("from version %d: %v", version, found)
			}
		}
		if faults := all(t, s.SchemaFaults(t.Context())); faults != nil {
			t.Errorf("from version %d: %v", version, faults)
		}
		var told string
		must(t, s.lists.db.QueryRow(tell).Scan(&told))
		if want := "SEP000000000001encrypted5000301issued04a1installed15000607CN=b080A0B0C20147"; told != want {
			t.Errorf("from version %d: the rows are\n%s, not\n%s", version, told, want)
		}
		r, err := s.VerifyEvents(t.Context(), nil)
		if err != nil || r.Fault != nil || r.Events != kept {
			t.Errorf("from version %d: %+v, %v", version, r, err)
		}
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	check := func(got fmt.Stringer, err error, want string) {
		t.Helper()
		if err != nil || got.String() != want {
			t.Errorf("got %v, %v, want %q", got, err, want)
		}
	}
	op, err := ParseOperation("INSTALL/upgrade")
	check(op, err, "install")
	mode, err := ParseAuthMode("by existing certificate (precedence to lsc)")
	check(mode, err, "lsc")
	order, err := ParseKeyOrder("EC Preferred, RSA Backup")
	check(order, err, "ec-preferred")
	security, err := ParseSecurityMode("Encrypted")
	check(security, err, "encrypted")
	ip, err := ParseIPMode("ipv6")
	check(ip, err, "ipv6")
	r, err := ParseRequestState("Pending")
	check(r, err, "pending")
	l, err := ParseLSCState("stale")
	check(l, err, "stale")
	for _, short := range shorts(statuses) {
		st, err := ParseStatus(Status(short).Long())
		check(st, err, short)
	}
	if _, err := ParseOperation("sign"); err == nil || !strings.Contains(err.Error(), "none, install, delete, troubleshoot") {
		t.Errorf("got %v", err)
	}
	if got := Failed(Troubleshoot, CARejected); got != "troubleshoot-failed" {
		t.Errorf("got %q", got)
	}
	if got := Failed(Install, Late).Long(); got != "Upgrade Failed: User Initiated Request Late/Timedout" {
		t.Errorf("got %q", got)
	}
}

func TestPlainErrors(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	err := s.change(t.Context(), func(t *tx) error { return t.roll("SELECT nothing FROM nowhere") })
	if got := failed(err, "testing %q", "this").Error(); strings.Contains(got, "nowhere") || !strings.HasPrefix(got, `testing "this": `) {
		t.Errorf("the error is %s", got)
	}
	if failed(nil, "testing") != nil || errors.Is(failed(err, "testing"), ErrConflict) {
		t.Error("failed makes errors up")
	}
}

// TestMigrationOfJobs: jobs keep their results, their numbers go on where they were,
// and a device was last seen when its phone last did something.
func TestMigrationOfJobs(t *testing.T) {
	t.Parallel()
	s := openStore(t, oldDatabase(t, 21,
		`INSERT INTO devices (name, security_mode, ip_mode, operation, auth_mode, key_order, rsa_bits, ec_bits, completes_by, status, schedule, created_at, updated_at)
			VALUES ('SEP000000000001', 'nonsecure', 'ipv6', 'none', 'null-string', 'rsa', 2048, 384, 0, 'none', 3, 1000, 2000)`,
		`INSERT INTO lscs (device_id, device, serial, subject, issuer, key_kind, not_before, not_after, state, issued_at, installed_at, fingerprint, certificate)
			VALUES (1, 'SEP000000000001', 'a1', 'CN=a', 'CN=b', 'ec-384', 1000, 9000, 'installed', 1000, 1500, x'05', x'06')`,
		`INSERT INTO jobs (id, kind, state, run_at, selection, edit, apply_config, actor_kind, actor_name, address, terminal, command, created_at, ended_at, detail)
			VALUES (4, 'bulk-update', 'done', 1000, '{}', '{}', 0, 'operator', 'olga', '', '', '', 1000, 1000, 'as it was')`,
		"INSERT INTO job_devices (job_id, device, change, apply) VALUES (4, 'SEP000000000001', 'changed', 'none')",
		"UPDATE sqlite_sequence SET seq = 7 WHERE name = 'jobs'"), Options{})
	j, err := s.Job(t.Context(), 4)
	must(t, err)
	if results := all(t, s.JobDevices(t.Context(), 4)); j.Detail != "as it was" || len(results) != 1 || results[0].Change != changed {
		t.Errorf("the job is %+v, its results %+v", j, results)
	}
	next, err := s.AddJob(t.Context(), Job{Kind: BulkDelete, Selection: "{}", Edit: "{}", Actor: Actor{Kind: Operator, Name: "olga"}})
	must(t, err)
	d, err := s.Device(t.Context(), "SEP000000000001")
	must(t, err)
	if next.ID != 8 || d.SeenAt.UnixMilli() != 1500 {
		t.Errorf("the next job is %d, the device was seen %v", next.ID, d.SeenAt)
	}
	_, err = s.DeleteJobs(t.Context(), next.Actor, []int64{4})
	must(t, err)
	if left := all(t, s.JobDevices(t.Context(), 4)); left != nil {
		t.Errorf("the results of a deleted job are %+v", left)
	}
}
