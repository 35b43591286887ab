// Package notify tells operators of findings: it has serve look for them, and runs the
// operators' program when one appears, stays for long or is gone. What was told is kept
// in the database, so that a restart tells nothing twice, and of several serves one
// tells. It must not know what a finding is about.
package notify

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os/exec"
	"slices"
	"time"

	"capf/enroll/health"
	"capf/enroll/settings"
	"capf/internal/backoff"
	"capf/internal/program"
	"capf/store"
)

const (
	// lookEvery is how often findings are looked for while nothing happens that
	// would change them; a look at a hundred thousand devices takes a tenth of a
	// second.
	lookEvery = 15 * time.Second
	// programTime is what the program has. Nothing else waits for it.
	programTime = time.Minute
	// held is for how long a process keeps what it tells to itself.
	held = programTime + time.Minute
	// firstRest is how long a program that has failed is left alone, longer each time,
	// up to store.NoticeHeld.
	firstRest = time.Minute
	// lastDay is when what ends is told more often, and how often then.
	lastDay, hourly = 24 * time.Hour, time.Hour
)

// Watcher looks for findings and tells of them. Look is the question, Seen hears each
// answer, and Told whether a run of the program has succeeded.
type Watcher struct {
	Store    *store.Store
	Now      func() time.Time
	Log      *slog.Logger
	Host     string
	Look     func(context.Context) ([]health.Finding, error)
	Seen     func([]health.Finding)
	Told     func(succeeded bool)
	owner    string
	known    int64     // the event up to which changes are known
	lookedAt time.Time // by the monotonic clock
	young    bool      // something was found just now, and is told if it stays
}

// Run looks and tells until ctx ends.
func (w *Watcher) Run(ctx context.Context) {
	w.owner, w.known = rand.Text(), -1
	failures := backoff.Backoff{Log: w.Log, Doing: "looking for what operators should know"}
	failures.Repeat(ctx, time.Second, w.step)
}

// step looks if a change or the time gives a reason to.
func (w *Watcher) step(ctx context.Context) error {
	changes, err := w.Store.Changes(ctx, w.known)
	if err != nil {
		return err
	}
	if !changes.Settings && !w.young && time.Since(w.lookedAt) < lookEvery {
		w.known = changes.Until
		return nil
	}
	found, err := w.Look(ctx)
	if err != nil {
		return err
	}
	w.Seen(found)
	w.known, w.lookedAt, w.young = changes.Until, time.Now(), false
	inForce, err := settings.Read(ctx, w.Store.Reader)
	if err != nil || inForce.NotifyCommand == nil {
		return err
	}
	if err := w.record(ctx, found, inForce.NotifyEvery); err != nil {
		return err
	}
	if err := w.tell(ctx, inForce.NotifyCommand); err != nil {
		return err
	}
	left, err := w.Store.Notices(ctx)
	w.young = slices.ContainsFunc(left, func(n store.Notice) bool { return n.ToldAt.IsZero() && n.Attempts == 0 })
	return err
}

// record stores the findings, if they are not those that are stored.
func (w *Watcher) record(ctx context.Context, found []health.Finding, every time.Duration) error {
	stored, err := w.Store.Notices(ctx)
	if err != nil {
		return err
	}
	notices := w.notices(found, every)
	if upToDate(stored, notices) {
		return nil
	}
	return w.Store.RecordNotices(ctx, notices)
}

// notices are the findings to tell of, one for each of a kind and object. That telling
// fails is not told.
func (w *Watcher) notices(found []health.Finding, every time.Duration) []store.Notice {
	var notices []store.Notice
	for _, f := range found {
		n := store.Notice{Kind: string(f.Kind), Object: f.Object, Severity: f.Severity, Text: f.Text, Hint: f.Hint, Repeat: every}
		if left := f.Ends.Sub(w.Now()); !f.Ends.IsZero() && left < lastDay {
			n.Repeat = min(every, hourly)
		}
		again := slices.ContainsFunc(notices, func(o store.Notice) bool { return o.Kind == n.Kind && o.Object == n.Object })
		if f.Kind != health.NotifyFailed && !again {
			notices = append(notices, n)
		}
	}
	slices.SortFunc(notices, func(a, b store.Notice) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Object, b.Object))
	})
	return notices
}

// upToDate reports whether the notices are stored already, and nothing that can be
// forgotten.
func upToDate(stored, notices []store.Notice) bool {
	if slices.ContainsFunc(stored, func(n store.Notice) bool { return !n.GoneAt.IsZero() && n.ToldAt.IsZero() }) {
		return false
	}
	present := slices.DeleteFunc(slices.Clone(stored), func(n store.Notice) bool { return n.Kind == store.TestNotice || !n.GoneAt.IsZero() })
	return slices.EqualFunc(present, notices, func(a, b store.Notice) bool {
		return a.Kind == b.Kind && a.Object == b.Object && a.Severity == b.Severity && a.Text == b.Text && a.Hint == b.Hint && a.Repeat == b.Repeat
	})
}

// tell runs the program for what is due. What it has begun, it brings to its end.
func (w *Watcher) tell(ctx context.Context, line []string) error {
	due, err := w.Store.ClaimNotices(ctx, w.owner, held)
	if err != nil || len(due) == 0 {
		return err
	}
	m := newMessage(due, w.Now(), w.Host, w.Store.Path())
	document, err := m.encode()
	if err != nil {
		return err
	}
	limit, cancel := context.WithTimeout(ctx, programTime)
	defer cancel()
	out, failure := program.Run(limit, line, nil, document)
	ctx = context.WithoutCancel(ctx)
	if failure == nil {
		w.Told(true)
		return w.Store.EndNotices(ctx, store.Actor{Kind: store.System, Name: "notify"}, w.owner, due, m.summary())
	}
	if ctx := limit.Err(); errors.Is(ctx, context.Canceled) {
		return w.Store.FailNotices(context.WithoutCancel(limit), w.owner, due, "capf was stopped meanwhile", 0)
	}
	why, rest := reason(failure, limit, out), restAfter(due)
	w.Told(false)
	w.Log.Error("notify_command has failed", "program", line[0], "reason", why, "output", clean(string(out)), "again_in", rest)
	return w.Store.FailNotices(ctx, w.owner, due, why, rest)
}

// restAfter doubles with each failure.
func restAfter(due []store.Notice) time.Duration {
	attempts := 0
	for _, n := range due {
		attempts = max(attempts, n.Attempts)
	}
	return min(firstRest<<min(attempts, 6), store.NoticeHeld)
}

// reason says in a line why the program has failed, with the last that it said.
func reason(err error, limit context.Context, out []byte) string {
	why := fmt.Sprintf("it could not be run: %v", program.Reason(err))
	var exit *exec.ExitError
	switch {
	case errors.Is(limit.Err(), context.DeadlineExceeded):
		why = fmt.Sprintf("it took longer than %v and was ended", programTime)
	case errors.As(err, &exit):
		why = exit.String()
	}
	if last := program.LastLine(out); last != "" {
		why += ": " + last
	}
	return why
}
