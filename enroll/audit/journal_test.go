package audit_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"capf/crypto"
	"capf/enroll/audit"
	"capf/enroll/secrets"
	"capf/store"
)

var operator = store.Actor{Kind: store.Operator, Name: "test"}

// house is a database with its master key.
type house struct {
	*testing.T
	Store  *store.Store
	Sealer *crypto.Sealer
}

func newHouse(t *testing.T) house {
	t.Helper()
	path := filepath.Join(t.TempDir(), "capf.db")
	s, err := store.Create(t.Context(), path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	sealer, err := secrets.CreateSealer(t.Context(), s, path+".key")
	if err != nil {
		t.Fatal(err)
	}
	return house{t, s, sealer}
}

// add records an event of a device.
func (h house) add(actor store.Actor, device string) error {
	return h.Store.AddEvent(h.Context(), store.Event{Actor: actor, Device: device, Action: "device-add"})
}

// journal runs once, as at the end of a serve, and returns what it has logged.
func journal(t *testing.T, r house) (logged []map[string]any) {
	t.Helper()
	var b bytes.Buffer
	ended, stop := context.WithCancel(t.Context())
	stop()
	(&audit.Journal{Store: r.Store, Sealer: r.Sealer, Now: time.Now, Log: slog.New(slog.NewJSONHandler(&b, nil))}).Run(ended)
	for line := range strings.Lines(b.String()) {
		var one map[string]any
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			t.Fatal(err)
		}
		logged = append(logged, one)
	}
	return logged
}

func said(logged []map[string]any) (words []string) {
	for _, one := range logged {
		word := one["msg"].(string)
		if word == "event" {
			word = one["action"].(string)
		}
		words = append(words, word)
	}
	return words
}

// TestJournal: each event is a line of the log, once, whoever wrote it and whether
// or not serve ran then, and the record is sealed up to where it was logged.
func TestJournal(t *testing.T) {
	t.Parallel()
	r := newHouse(t)
	add := func(name string) {
		t.Helper()
		if err := r.add(store.Actor{Kind: store.Operator, Name: "jane", Command: "capf device add"}, name); err != nil {
			t.Fatal(err)
		}
	}
	add("SEP000000000001")
	if got := strings.Join(said(journal(t, r)), ", "); got != "sealed the record of events" {
		t.Errorf("what was before the first serve: %s", got)
	}
	add("SEP000000000002")
	add("SEP000000000003")
	logged := journal(t, r)
	if got := strings.Join(said(logged), ", "); got != "device-add, device-add, sealed the record of events" {
		t.Fatalf("it logged %s", got)
	}
	for key, want := range map[string]any{"actor": "jane", "actor_kind": "operator", "device": "SEP000000000002", "command": "capf device add", "outcome": "ok"} {
		if logged[0][key] != want {
			t.Errorf("%s is %v, not %v", key, logged[0][key], want)
		}
	}
	if got := said(journal(t, r)); len(got) != 0 {
		t.Errorf("nothing has happened, and it logged %v", got)
	}
	// What went by without approval is louder.
	jane := store.Actor{Kind: store.Operator, Name: "jane"}
	bypassing := r.Store.Bypassing(jane, store.Proposal{Subject: "issuer", Action: "set", Effects: []string{"x"}, Digest: make([]byte, 32), Reason: "urgent"})
	if err := bypassing.SetParameter(t.Context(), jane, "keep_alive", "20"); err != nil {
		t.Fatal(err)
	}
	logged = journal(t, r)
	if len(logged) != 3 || logged[0]["level"] != "WARN" || logged[0]["action"] != "approval-bypass" || logged[1]["level"] != "INFO" {
		t.Errorf("it logged %v", logged)
	}
	report, err := r.Store.VerifyEvents(t.Context(), secrets.HoldsCheckpoint(r.Sealer))
	if err != nil || report.Fault != nil || report.Sealed != report.Last || report.SealedAt.IsZero() {
		t.Errorf("the report is %+v, %v", report, err)
	}
	if hash := logged[len(logged)-1]["hash"]; hash != hex.EncodeToString(report.Head) {
		t.Errorf("the log has the hash %v, the record %x", hash, report.Head)
	}
}

// TestRecordMadeAnew is one who can write to the database and has not the master
// key: he makes a whole chain that fits, but no seal for it.
func TestRecordMadeAnew(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		forge string // besides the event that is changed
		want  string // what verifying finds
		log   string // what a serve says that goes on
	}{
		"the seals stay":   {"", "is not the one behind which serve sealed the record at ", "the record of events was changed: its last checkpoint does not hold"},
		"the end is cut":   {"DELETE FROM events WHERE id > 2", "behind which serve sealed the record at ", ""},
		"the seals go too": {"DELETE FROM event_checkpoints", "", ""},
		"a seal of his":    {"UPDATE event_checkpoints SET seal = zeroblob(32)", "is not the one behind which serve sealed the record at ", "does not hold"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newHouse(t)
			for _, device := range []string{"SEP000000000001", "SEP000000000002", "SEP000000000003"} {
				if err := r.add(operator, device); err != nil {
					t.Fatal(err)
				}
			}
			journal(t, r)
			forge(t, r.Store.Path(), "UPDATE events SET detail = 'nothing happened' WHERE id = 2; "+test.forge)
			if report, err := r.Store.VerifyEvents(t.Context(), nil); err != nil || report.Fault != nil {
				t.Fatalf("the forgery is no good: %+v, %v", report.Fault, err)
			}
			report, err := r.Store.VerifyEvents(t.Context(), secrets.HoldsCheckpoint(r.Sealer))
			switch {
			case err != nil:
				t.Fatal(err)
			case test.want == "" && (report.Fault != nil || report.Sealed != 0):
				t.Errorf("without seals: %+v", report)
			case test.want != "" && (report.Fault == nil || !strings.Contains(report.Fault.Text, test.want)):
				t.Errorf("the fault is %+v, want %q", report.Fault, test.want)
			}
			if got := strings.Join(said(journal(t, r)), ", "); !strings.Contains(got, test.log) {
				t.Errorf("serve says %q, want %q", got, test.log)
			}
		})
	}
}

// TestJournalSealsNoForgery: a serve that runs while the record is made anew gives
// it no seal.
func TestJournalSealsNoForgery(t *testing.T) {
	t.Parallel()
	r := newHouse(t)
	add := func(name string) {
		t.Helper()
		if err := r.add(operator, name); err != nil {
			t.Fatal(err)
		}
	}
	add("SEP000000000001")
	lines := make(chan string, 100)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	j := &audit.Journal{Store: r.Store, Sealer: r.Sealer, Now: time.Now, Log: slog.New(slog.NewTextHandler(sink(func(b []byte) { lines <- string(b) }), nil)), Poll: time.Millisecond, Every: time.Nanosecond}
	go func() { defer close(ended); j.Run(ctx) }()
	until := func(word string) {
		t.Helper()
		for {
			select {
			case line := <-lines:
				if strings.Contains(line, word) {
					return
				}
			case <-time.After(time.Minute):
				t.Fatalf("serve never says %q", word)
			}
		}
	}
	until("sealed the record")
	forge(t, r.Store.Path(), "UPDATE events SET detail = 'nothing happened' WHERE id = 1")
	add("SEP000000000002")
	until("the record of events was changed, and is not sealed any more")
	before, err := r.Store.Checkpoints(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	add("SEP000000000003")
	until("SEP000000000003")
	stop()
	<-ended
	after, err := r.Store.Checkpoints(t.Context())
	if err != nil || len(after) != len(before) {
		t.Errorf("there are %d checkpoints, %d before: %v", len(after), len(before), err)
	}
}

type sink func([]byte)

func (s sink) Write(b []byte) (int, error) { s(b); return len(b), nil }

// forge changes events and makes a chain that fits, in the encoding that
// store/events_chain.go describes.
func forge(t *testing.T, path, statements string) {
	t.Helper()
	db, err := sql.Open("sqlite", path+"?_pragma=busy_timeout(60000)&_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	do := func(query string, args ...any) {
		t.Helper()
		if _, err := tx.Exec(query, args...); err != nil {
			t.Fatal(err)
		}
	}
	do("DROP TRIGGER events_stay; DROP TRIGGER IF EXISTS events_remain; " + statements)
	rows, err := tx.Query(`SELECT id, at, actor_kind, actor_name, address, terminal, command, device, action, step, outcome, detail FROM events ORDER BY id`)
	if err != nil {
		t.Fatal(err)
	}
	hash, last := make([]byte, 32), int64(0)
	hashes := map[int64][]byte{}
	for rows.Next() {
		var id, at int64
		texts := make([]string, 10)
		fields := []any{&id, &at}
		for i := range texts {
			fields = append(fields, &texts[i])
		}
		if err := rows.Scan(fields...); err != nil {
			t.Fatal(err)
		}
		b := binary.BigEndian.AppendUint64(bytes.Clone(hash), uint64(id))
		b = binary.BigEndian.AppendUint64(b, uint64(at))
		for _, text := range texts {
			b = append(binary.BigEndian.AppendUint32(b, uint32(len(text))), text...)
		}
		sum := sha256.Sum256(b)
		hash, last = sum[:], id
		hashes[id] = hash
	}
	rows.Close()
	for id, one := range hashes {
		do("UPDATE events SET hash = ? WHERE id = ?", one, id)
	}
	do("UPDATE event_chain SET head_id = ?, head_hash = ?", last, hash)
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
}
