package store

import (
	"context"
	"encoding/json"
	"time"
)

// Notice is a finding of which serve tells the operators' program, and what it
// has told.
type Notice struct {
	Kind, Object string // which finding it is
	Severity     string // error or warning
	Text, Hint   string
	Repeat       time.Duration // how long after it was told it is told again, while it stays
	Since        time.Time     // when it was found first
	GoneAt       time.Time     // when it was no longer found; zero while it is
	ToldAt       time.Time     // when it was told last; zero when it never was
	ToldSeverity string        // which it had then
	Attempts     int           // that have failed since
	Problem      string        // why the last of them did
}

// TestNotice is the kind of a notice that an operator asks for, to try whether
// notices arrive. It is told once, and whoever asked for it removes it.
const TestNotice = "test"

const (
	noticeColumns = "kind, object, severity, text, hint, repeat_after, since, gone_at, told_at, told_severity, attempts, problem"
	// testKept is how long a test stays that nobody removes.
	testKept = time.Hour
	// NoticeHeld is the longest time for which a process keeps a notice to itself,
	// to tell it or because telling has failed.
	NoticeHeld = time.Hour
	// noticeSettles is how long something has to be found before it is told: a serve
	// that restarts does not listen for a moment.
	noticeSettles = 5 * time.Second
	// isFree is the condition for a notice that no process keeps. One that is kept for
	// too long was taken before the clock went back.
	isFree = "(owned_until <= ? OR owned_until > ?)"
)

func (n *Notice) fields() []any {
	return []any{&n.Kind, &n.Object, &n.Severity, &n.Text, &n.Hint, (*span)(&n.Repeat), (*instant)(&n.Since), (*instant)(&n.GoneAt),
		(*instant)(&n.ToldAt), &n.ToldSeverity, &n.Attempts, &n.Problem}
}

// Notices returns the findings as RecordNotices has stored them, with those that
// are gone and of which that is still to be told.
func (s *Reader) Notices(ctx context.Context) ([]Notice, error) {
	q := query{selection: "SELECT " + noticeColumns + " FROM notices", order: "kind, object"}
	return collect(stream(ctx, s, "reading notices", q, (*Notice).fields))
}

// RecordNotices stores what is found now. What is no longer found is gone, and is
// forgotten if it was never told. It writes no event: finding changes nothing.
func (s *Store) RecordNotices(ctx context.Context, found []Notice) error {
	names := make([]string, len(found))
	for i, n := range found {
		names[i] = n.Kind + " " + n.Object // no kind has a blank
	}
	present, err := json.Marshal(names)
	if err != nil {
		return err
	}
	err = s.change(ctx, func(t *tx) error {
		for _, n := range found {
			if _, err := t.exec(`INSERT INTO notices (kind, object, severity, text, hint, repeat_after, since) VALUES (?, ?, ?, ?, ?, ?, ?)
				ON CONFLICT (kind, object) DO UPDATE SET severity = excluded.severity, text = excluded.text, hint = excluded.hint,
				repeat_after = excluded.repeat_after, gone_at = 0`,
				n.Kind, n.Object, n.Severity, n.Text, n.Hint, n.Repeat.Milliseconds(), millis(t.now)); err != nil {
				return err
			}
		}
		_, err := t.exec(`UPDATE notices SET gone_at = ?, attempts = 0, problem = '' WHERE gone_at = 0 AND kind <> 'test'
			AND kind || ' ' || object NOT IN (SELECT value FROM json_each(?))`, millis(t.now), string(present))
		if err != nil {
			return err
		}
		_, err = t.exec("DELETE FROM notices WHERE gone_at > 0 AND told_at = 0 AND "+isFree, freeAt(t.now)...)
		if err != nil {
			return err
		}
		_, err = t.exec("DELETE FROM notices WHERE kind = 'test' AND since < ?", millis(t.now.Add(-testKept)))
		return err
	})
	return failed(err, "storing notices")
}

func freeAt(now time.Time) []any { return []any{millis(now), millis(now.Add(NoticeHeld))} }

// ClaimNotices returns the notices that are to be told now, and keeps them for
// the owner alone until the span, which is at most NoticeHeld, is over.
func (s *Store) ClaimNotices(ctx context.Context, owner string, span time.Duration) ([]Notice, error) {
	var due []Notice
	err := s.change(ctx, func(t *tx) (err error) {
		now := millis(t.now)
		q := query{selection: "UPDATE notices SET owner = ?, owned_until = ?", args: []any{owner, millis(t.now.Add(span))}}
		q.where(isFree, freeAt(t.now)...)
		// A test is told once. What was found or told in the future was so before the
		// clock went back.
		q.where(`CASE WHEN kind = 'test' THEN told_at = 0 AND attempts = 0
			WHEN gone_at > 0 THEN told_at > 0
			WHEN told_at = 0 THEN since <= ? OR since > ?
			ELSE told_at + repeat_after <= ? OR told_at > ? OR severity = 'error' AND told_severity = 'warning' END`,
			millis(t.now.Add(-noticeSettles)), now, now, now)
		q.returning = noticeColumns
		due, err = rowsOf(t, q, (*Notice).fields)
		return err
	})
	return due, failed(err, "taking notices")
}

// EndNotices says that the owner has told the notices that it took, and records
// what it told. What is gone is forgotten, unless it has come back meanwhile.
func (s *Store) EndNotices(ctx context.Context, a Actor, owner string, told []Notice, detail string) error {
	err := s.change(ctx, func(t *tx) error {
		for _, n := range told {
			own := []any{n.Kind, n.Object, owner}
			if !n.GoneAt.IsZero() {
				if _, err := t.exec("DELETE FROM notices WHERE kind = ? AND object = ? AND owner = ? AND gone_at > 0", own...); err != nil {
					return err
				}
				if _, err := t.exec("UPDATE notices SET told_at = 0, owner = '', owned_until = 0 WHERE kind = ? AND object = ? AND owner = ?", own...); err != nil {
					return err
				}
				continue
			}
			if _, err := t.exec(`UPDATE notices SET told_at = ?, told_severity = ?, owner = '', owned_until = 0, attempts = 0, problem = ''
				WHERE kind = ? AND object = ? AND owner = ?`, append([]any{millis(t.now), n.Severity}, own...)...); err != nil {
				return err
			}
		}
		return t.event(a, "", EventText{Action: "notify", Detail: detail})
	})
	return failed(err, "recording what was told")
}

// FailNotices says that the owner could not tell the notices that it took, and
// why. Nobody tries again before the rest, which is at most NoticeHeld, is over.
func (s *Store) FailNotices(ctx context.Context, owner string, untold []Notice, problem string, rest time.Duration) error {
	err := s.change(ctx, func(t *tx) error {
		for _, n := range untold {
			if _, err := t.exec("UPDATE notices SET attempts = attempts + 1, problem = ?, owned_until = ? WHERE kind = ? AND object = ? AND owner = ?",
				problem, millis(t.now.Add(rest)), n.Kind, n.Object, owner); err != nil {
				return err
			}
		}
		return nil
	})
	return failed(err, "recording what could not be told")
}

// AddTestNotice asks for a test, which RemoveTestNotice takes back.
func (s *Store) AddTestNotice(ctx context.Context, a Actor, n Notice) error {
	err := s.change(ctx, func(t *tx) error {
		if _, err := t.exec("INSERT INTO notices (kind, object, severity, text, hint, repeat_after, since) VALUES ('test', ?, ?, ?, ?, 1, ?)",
			n.Object, n.Severity, n.Text, n.Hint, millis(t.now)); err != nil {
			return err
		}
		return t.event(a, "", EventText{Action: "notify-test"})
	})
	return failed(err, "asking for a test of notices")
}

// RemoveTestNotice removes a test that was asked for.
func (s *Store) RemoveTestNotice(ctx context.Context, object string) error {
	err := s.change(ctx, func(t *tx) error {
		_, err := t.exec("DELETE FROM notices WHERE kind = 'test' AND object = ?", object)
		return err
	})
	return failed(err, "removing a test of notices")
}
