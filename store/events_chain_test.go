package store

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// record makes a database whose only events are n of the operator's, numbered
// in their detail, and closes it.
func record(t *testing.T, n int) (path string) {
	t.Helper()
	s, c := newStore(t)
	for i := range n {
		must(t, s.AddEvent(t.Context(), Event{Actor: operator, Device: "SEP1", Action: "test", Detail: fmt.Sprint(i + 1)}))
		c.move(time.Minute)
	}
	must(t, s.Close())
	return s.Path()
}

// byHand runs statements with the sqlite3 program, as somebody would who has
// got hold of the file.
func byHand(t *testing.T, path, statements string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), "sqlite3", "-bail", path)
	c.Stdin = strings.NewReader(statements)
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("sqlite3: %v\n%s", err, out)
	}
	return string(out)
}

func verify(t *testing.T, path string) ChainReport {
	t.Helper()
	r, err := openStore(t, path, Options{}).VerifyEvents(t.Context(), nil)
	must(t, err)
	return r
}

const withoutTriggers = "DROP TRIGGER events_stay; DROP TRIGGER events_remain; "

// TestTampering does to the record what it must not bear.
func TestTampering(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, statements string
		id               int64
		text             string
	}{
		{"nothing", "SELECT 1", 0, ""},
		{"changed", "UPDATE events SET actor_name = 'mallory' WHERE id = 4", 4, "was changed"},
		{"changed first", "UPDATE events SET at = at + 1 WHERE id = 1", 1, "was changed"},
		{"changed last", "UPDATE events SET detail = detail || ' ' WHERE id = 9", 9, "was changed"},
		{"letter moved to the next field", "UPDATE events SET outcome = 'o', detail = 'k' || detail WHERE id = 5", 5, "was changed"},
		{"case of a name", "UPDATE events SET device = 'sep1' WHERE id = 5", 5, "was changed"},
		{"hash changed", "UPDATE events SET hash = zeroblob(32) WHERE id = 7", 7, "was changed"},
		{"hash emptied", "UPDATE events SET hash = x'' WHERE id = 7", 7, "was changed"},
		{"removed", "DELETE FROM events WHERE id = 6", 6, "was removed"},
		{"two removed", "DELETE FROM events WHERE id IN (6, 7)", 6, "those up to 7 were removed"},
		{"removed and closed up", "DELETE FROM events WHERE id = 6; UPDATE events SET id = id - 1 WHERE id > 6", 6, "was changed"},
		{"removed at the beginning", "DELETE FROM events WHERE id < 3", 1, "those up to 2 were removed"},
		{"removed at the end", "DELETE FROM events WHERE id > 7", 8, "those up to 9, the last one, were removed"},
		{"all removed", "DELETE FROM events", 1, "those up to 9"},
		{"reordered", "UPDATE events SET id = -1 WHERE id = 3; UPDATE events SET id = 3 WHERE id = 4; UPDATE events SET id = 4 WHERE id = -1", 3, "was changed"},
		{"added at the end", "INSERT INTO events SELECT 10, at, actor_kind, actor_name, address, terminal, command, device, action, step, outcome, detail, hash FROM events WHERE id = 9", 10, "was changed"},
		{"added before the beginning", "INSERT INTO events SELECT 0, at, actor_kind, actor_name, address, terminal, command, device, action, step, outcome, detail, hash FROM events WHERE id = 9", 0, "before the beginning"},
		{"end moved back with the last", "DELETE FROM events WHERE id = 9; UPDATE event_chain SET head_id = 8", 8, "is not the one with which the record ended"},
		{"end of another length", "PRAGMA ignore_check_constraints = 1; UPDATE event_chain SET head_hash = x'00'", 9, "is not the one with which the record ended"},
		{"end removed", "DELETE FROM event_chain", 0, "cannot be told"},
		{"pruned by hand", "DELETE FROM events WHERE id < 4; UPDATE event_chain SET anchor_id = 3", 4, "was changed"},
		{"pruned by hand, and well", "UPDATE event_chain SET anchor_id = 3, anchor_hash = (SELECT hash FROM events WHERE id = 3); DELETE FROM events WHERE id <= 3", 3, "no event tells of a pruning"},
		{"all pruned by hand", "UPDATE event_chain SET anchor_id = 9, anchor_hash = (SELECT hash FROM events WHERE id = 9); DELETE FROM events", 9, "no event tells of a pruning"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			path := record(t, 9)
			byHand(t, path, withoutTriggers+test.statements)
			r := verify(t, path)
			switch {
			case test.text == "" && (r.Fault != nil || r.Events != 9):
				t.Errorf("got %+v, want nine good events", r)
			case test.text != "" && (r.Fault == nil || r.Fault.ID != test.id || !strings.Contains(r.Fault.Text, test.text)):
				t.Errorf("got %+v, %+v, want event %d %q", r, r.Fault, test.id, test.text)
			}
		})
	}
}

// TestTriggers tries the same through a connection that leaves the schema as
// it is.
func TestTriggers(t *testing.T) {
	t.Parallel()
	path := record(t, 3)
	for _, statement := range []string{
		"UPDATE events SET detail = 'x' WHERE id = 2", "UPDATE events SET hash = x'' WHERE id = 2", "DELETE FROM events WHERE id = 1",
	} {
		out, err := exec.CommandContext(t.Context(), "sqlite3", path, statement).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "only ever added") {
			t.Errorf("%s: %v %s", statement, err, out)
		}
	}
}

// TestOneSlippedIn holds that capf goes on writing behind a row that somebody
// has added, and that the row is found all the same.
func TestOneSlippedIn(t *testing.T) {
	t.Parallel()
	path := record(t, 3)
	byHand(t, path, "INSERT INTO events (id, at, actor_kind, actor_name, address, terminal, command, device, action, step, outcome, detail)"+
		" VALUES (4, 0, 'operator', 'mallory', '', '', '', '', 'set', '', 'ok', '')")
	s := openStore(t, path, Options{})
	addDevice(t, s, "SEP000000000001")
	r, err := s.VerifyEvents(t.Context(), nil)
	must(t, err)
	if r.Fault == nil || r.Fault.ID != 4 || r.Events != 3 {
		t.Errorf("got %+v, %+v", r, r.Fault)
	}
}

// TestChainEncoding computes the hash of the first event with other programs,
// from what is said about the encoding.
func TestChainEncoding(t *testing.T) {
	t.Parallel()
	path := record(t, 1)
	const text = "printf('%08X', length(cast(%s AS BLOB))) || hex(cast(%s AS BLOB))"
	question := "SELECT hex(zeroblob(32)) || printf('%016X%016X', id, at)"
	for _, column := range []string{"actor_kind", "actor_name", "address", "terminal", "command", "device", "action", "step", "outcome", "detail"} {
		question += " || " + strings.ReplaceAll(text, "%s", column)
	}
	encoded := strings.TrimSpace(byHand(t, path, question+" FROM events"))
	// xxd may be missing; sqlite3 writes the bytes.
	file := filepath.Join(t.TempDir(), "encoded")
	byHand(t, path, fmt.Sprintf("SELECT writefile('%s', x'%s')", file, encoded))
	out, err := exec.CommandContext(t.Context(), "openssl", "dgst", "-sha256", "-r", file).Output()
	must(t, err)
	want := strings.TrimSpace(byHand(t, path, "SELECT lower(hex(hash)) FROM events"))
	if got, _, _ := strings.Cut(string(out), " "); got != want {
		t.Errorf("openssl computes %s, the database has %s", got, want)
	}
}

// TestOddTexts holds that what a hostile phone may send survives in the record
// as it was hashed.
func TestOddTexts(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	for _, odd := range []string{"", "\x00", "a\x00b", "\xff\xfe", "é\u202e", strings.Repeat("x", 70000)} {
		must(t, s.AddEvent(t.Context(), Event{Actor: Actor{Kind: Phone, Name: odd}, Device: odd, Action: "test", Detail: odd}))
	}
	r, err := s.VerifyEvents(t.Context(), nil)
	must(t, err)
	if r.Fault != nil || r.Events != 6 {
		t.Errorf("got %+v, %+v", r, r.Fault)
	}
}

// TestChainOfFailures mixes changes that fail with others that come at the
// same time.
func TestChainOfFailures(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	addDevice(t, s, "SEP000000000000")
	boom := errors.New("boom")
	done := make(chan error)
	for i := range 200 {
		go func() {
			done <- s.change(context.Background(), func(t *tx) error {
				if err := t.event(operator, "", EventText{Action: "test"}); err != nil {
					return err
				}
				if i%3 == 0 {
					return boom
				}
				return nil
			})
		}()
	}
	for range 200 {
		if err := <-done; err != nil && !errors.Is(err, boom) {
			t.Error(err)
		}
	}
	r, err := s.VerifyEvents(t.Context(), nil)
	must(t, err)
	if r.Fault != nil || r.Events != 1+133 {
		t.Errorf("got %+v, %+v, want 134 good events", r, r.Fault)
	}
}

// TestChainOfProcesses lets several processes write events at once.
func TestChainOfProcesses(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	first, second := process(t, "work", s.Path()), process(t, "work", s.Path())
	must(t, first.Start())
	must(t, second.Start())
	must(t, errors.Join(first.Wait(), second.Wait()))
	r, err := s.VerifyEvents(t.Context(), nil)
	must(t, err)
	if r.Fault != nil || r.Events != 2*50*3 {
		t.Errorf("got %+v, %+v, want 300 good events", r, r.Fault)
	}
}

func TestPruneEvents(t *testing.T) {
	t.Parallel()
	path := record(t, 9) // one a minute
	s := openStore(t, path, Options{Now: func() time.Time { return start.Add(time.Hour) }})
	check := func(events, pruned int64) {
		t.Helper()
		r, err := s.VerifyEvents(t.Context(), nil)
		must(t, err)
		if r.Fault != nil || r.Events != events || r.Pruned != pruned {
			t.Fatalf("got %+v, %+v, want %d events after %d", r, r.Fault, events, pruned)
		}
	}
	for _, step := range []struct {
		before                 time.Duration
		removed, events, after int64
	}{
		{-time.Hour, 0, 10, 0},
		{4 * time.Minute, 4, 7, 4},
		{4 * time.Minute, 0, 8, 4},
		{2 * time.Hour, 8, 1, 12},
	} {
		n, err := s.PruneEvents(t.Context(), operator, start.Add(step.before))
		must(t, err)
		if n != step.removed {
			t.Errorf("%v: %d were pruned, want %d", step.before, n, step.removed)
		}
		check(step.events, step.after)
	}
	addDevice(t, s, "SEP000000000001")
	check(2, 12)
	byHand(t, path, withoutTriggers+"DELETE FROM events WHERE id = 13")
	r, err := s.VerifyEvents(t.Context(), nil)
	must(t, err)
	if r.Fault == nil || r.Fault.ID != 13 {
		t.Errorf("the removal of the first event after the pruned ones is not found: %+v", r)
	}
}

// TestPruneTogether prunes in a transaction that has written events already.
func TestPruneTogether(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	must(t, s.change(t.Context(), func(t *tx) error {
		for range 3 {
			if err := t.event(operator, "", EventText{Action: "test"}); err != nil {
				return err
			}
		}
		if _, err := pruneEvents(t, 2); err != nil {
			return err
		}
		return t.event(operator, "", EventText{Action: pruneAction})
	}))
	r, err := s.VerifyEvents(t.Context(), nil)
	must(t, err)
	if r.Fault != nil || r.Events != 2 || r.Pruned != 2 {
		t.Errorf("got %+v, %+v", r, r.Fault)
	}
}

// TestChainMigration brings a record of an older capf up to date.
func TestChainMigration(t *testing.T) {
	t.Parallel()
	const n = 2500 // more than two portions
	path := record(t, 0)
	older := filepath.Join(filepath.Dir(path), "older.db")
	files, err := migrations.ReadDir("migrations")
	must(t, err)
	for i, f := range files {
		if f.Name() == "0004_audit.sql" {
			byHand(t, older, fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d", applicationID, i))
			break
		}
		script, err := migrations.ReadFile("migrations/" + f.Name())
		must(t, err)
		byHand(t, older, string(script))
	}
	byHand(t, older, fmt.Sprintf(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
		INSERT INTO events (at, actor_kind, actor_name, address, terminal, command, device, action, step, outcome, detail)
		SELECT i * 1000, 'phone', 'SEP' || i, '', '', '', 'SEP' || i, 'enroll', 'issue', 'ok', '' FROM n`, n))
	s := openStore(t, older, Options{})
	addDevice(t, s, "SEP000000000001")
	r, err := s.VerifyEvents(t.Context(), nil)
	must(t, err)
	if r.Fault != nil || r.Events != n+1 {
		t.Errorf("got %+v, %+v, want %d good events", r, r.Fault, n+1)
	}
	if s.change(t.Context(), func(t *tx) error { return t.roll("UPDATE events SET detail = 'x' WHERE id = 1") }) == nil {
		t.Error("an old event can be changed after the migration")
	}
}

func TestOperatorFilter(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	must(t, s.AddEvent(t.Context(), Event{Actor: operator, Action: "test", Detail: "hers"}))
	must(t, s.AddEvent(t.Context(), Event{Actor: Actor{Kind: Phone, Name: operator.Name}, Action: "test", Detail: "a phone's"}))
	got := all(t, s.Events(t.Context(), EventFilter{Operator: operator.Name}))
	if len(got) != 1 || got[0].Detail != "hers" {
		t.Errorf("got %+v", got)
	}
}
