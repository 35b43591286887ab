package store

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func notice(object string) Notice {
	return Notice{Kind: "job-abandoned", Object: object, Severity: "warning", Text: "job " + object, Hint: "do", Repeat: 24 * time.Hour}
}

// teller is a process that tells notices.
type teller struct {
	*testing.T
	s     *Store
	clock *clock
	name  string
}

func (p teller) find(found ...Notice) { p.Helper(); must(p.T, p.s.RecordNotices(p.Context(), found)) }

// claim returns what is to be told, in a word each.
func (p teller) claim(want string) []Notice {
	p.Helper()
	p.clock.move(5 * time.Second)
	due, err := p.s.ClaimNotices(p.Context(), p.name, time.Minute)
	must(p.T, err)
	var words []string
	for _, n := range due {
		word := n.Object
		if !n.GoneAt.IsZero() {
			word += " gone"
		}
		words = append(words, word)
	}
	slices.Sort(words)
	if got := strings.Join(words, ", "); got != want {
		p.Fatalf("to be told is %q, want %q", got, want)
	}
	return due
}

func (p teller) tell(want string) {
	p.Helper()
	due := p.claim(want)
	must(p.T, p.s.EndNotices(p.Context(), Actor{Kind: System}, p.name, due, fmt.Sprint(len(due))))
}

// TestNotices: what appears is told once, by one process, again after a while, and
// once more when it is gone.
func TestNotices(t *testing.T) {
	t.Parallel()
	s, c := newStore(t)
	one, other := teller{t, s, c, "one"}, teller{t, s, c, "other"}
	one.find(notice("1"), notice("a <b>&"))
	due := one.claim("1, a <b>&")
	other.claim("")
	must(t, s.EndNotices(t.Context(), operator, "one", due, "both"))
	other.find(notice("1"), notice("a <b>&"))
	other.claim("")
	c.move(23 * time.Hour)
	one.claim("")
	c.move(time.Hour)
	one.tell("1, a <b>&")
	worse := notice("1")
	worse.Severity = "error"
	one.find(worse)
	other.tell("1, a <b>& gone")
	one.find(worse)
	one.claim("")

	// One that comes back before it was told that it is gone has never gone.
	one.find()
	one.find(worse)
	one.claim("")
	one.find()
	one.tell("1 gone")
	one.find(notice("1"), notice("2"))
	one.tell("1, 2")

	// One that is gone before it was told is forgotten; not while it is being told.
	one.find(notice("1"), notice("2"), notice("3"))
	one.find(notice("1"), notice("2"))
	one.claim("")
	one.find(notice("1"), notice("2"), notice("3"))
	due = one.claim("3")
	one.find(notice("1"), notice("2"))
	must(t, s.EndNotices(t.Context(), operator, "one", due, ""))
	due = one.claim("3 gone")

	// One that comes back while it is told that it is gone is told anew.
	one.find(notice("1"), notice("2"), notice("3"))
	must(t, s.EndNotices(t.Context(), operator, "one", due, ""))
	one.tell("3")
}

// TestNoticesFail: what could not be told is told later, by whoever is there.
func TestNoticesFail(t *testing.T) {
	t.Parallel()
	s, c := newStore(t)
	one, other := teller{t, s, c, "one"}, teller{t, s, c, "other"}
	one.find(notice("1"))
	due := one.claim("1")
	must(t, s.FailNotices(t.Context(), "one", due, "no such program", 10*time.Minute))
	other.claim("")
	got, err := s.Notices(t.Context())
	if err != nil || len(got) != 1 || got[0].Attempts != 1 || got[0].Problem != "no such program" {
		t.Errorf("got %+v, %v", got, err)
	}
	c.move(10 * time.Minute)
	due = other.claim("1")
	must(t, s.FailNotices(t.Context(), "one", due, "too late", 10*time.Minute)) // it is not its own any more
	c.move(time.Minute)                                                         // the other one has died
	one.claim("1")
	c.move(-48 * time.Hour) // the clock goes back
	other.tell("1")
	if got, err = s.Notices(t.Context()); err != nil || got[0].Attempts != 0 || got[0].Problem != "" {
		t.Errorf("got %+v, %v", got, err)
	}
	c.move(-48 * time.Hour)
	one.tell("1")
}

// TestTestNotice: a test is told once, whether or not that succeeds.
func TestTestNotice(t *testing.T) {
	t.Parallel()
	s, c := newStore(t)
	one := teller{t, s, c, "one"}
	events(t, s, 1, func() {
		must(t, s.AddTestNotice(t.Context(), operator, Notice{Object: "x", Severity: "warning", Text: "a test"}))
	})
	one.find()
	due := one.claim("x")
	must(t, s.FailNotices(t.Context(), "one", due, "exit code 1", time.Minute))
	c.move(30 * time.Minute)
	one.claim("")
	must(t, s.RemoveTestNotice(t.Context(), "x"))
	must(t, s.AddTestNotice(t.Context(), operator, Notice{Object: "y", Severity: "warning", Text: "a test"}))
	one.tell("y")
	one.claim("")
	c.move(2 * time.Hour)
	one.find()
	if got, err := s.Notices(t.Context()); err != nil || len(got) != 0 {
		t.Errorf("left is %+v, %v", got, err)
	}
}
