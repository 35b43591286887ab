package store

import (
	"context"
	"iter"
	"math"
	"time"
)

// Expiry is the end of an installed LSC.
type Expiry struct {
	Device    string
	Model     string
	Pool      string
	Serial    string
	Subject   string
	Issuer    string
	KeyKind   string
	NotBefore time.Time
	NotAfter  time.Time
	// Scheduled says that the device is to get a new LSC, and still has time for it.
	Scheduled bool
}

func (v *Expiry) fields() []any {
	return []any{&v.Device, &v.Model, &v.Pool, &v.Serial, &v.Subject, &v.Issuer, &v.KeyKind, (*bound)(&v.NotBefore), (*bound)(&v.NotAfter), &v.Scheduled}
}

// isEnding is the condition for an installed LSC of a device that there is, word
// for word as in the index lscs_ends; getsNew is that for a device which is to get
// a new one and still has time.
const (
	isEnding = "state = 'installed' AND device_id > 0"
	getsNew  = "(d.operation = 'install' AND (d.completes_by = 0 OR d.completes_by >= ?))"
)

// Expiries yields the installed LSCs of existing devices that end before a time,
// nil for all of them, the first to expire first.
func (s *Reader) Expiries(ctx context.Context, before *time.Time) iter.Seq2[Expiry, error] {
	return stream(ctx, s, "reading the ends of LSCs", expiriesQuery(s.options.Now(), before), (*Expiry).fields)
}

func expiriesQuery(now time.Time, before *time.Time) query {
	q := query{
		selection: `SELECT d.name, d.model, d.pool, l.serial, l.subject, l.issuer, l.key_kind, l.not_before, l.not_after, ` + getsNew + `
			FROM lscs AS l JOIN devices AS d ON d.id = l.device_id`,
		args:  []any{millis(now)},
		order: "l.not_after, d.name",
	}
	q.where(isEnding)
	if before != nil {
		q.where("l.not_after < ?", millis(*before))
	}
	return q
}

// PoolEnds counts the LSCs of a device pool that end within some time.
type PoolEnds struct {
	Pool      string
	LSCs      int64     // whose devices are not to get a new one
	Scheduled int64     // the others
	First     time.Time // the first end of LSCs; zero when there are none
}

// EndsByPool counts the installed LSCs that end between two times by pool, the
// pool with the most first.
func (s *Reader) EndsByPool(ctx context.Context, from, until time.Time) ([]PoolEnds, error) {
	q := endsByPoolQuery(s.options.Now(), from, until)
	return collect(stream(ctx, s, "counting the ends of LSCs", q, func(p *PoolEnds) []any {
		return []any{&p.Pool, &p.LSCs, &p.Scheduled, (*instant)(&p.First)}
	}))
}

func endsByPoolQuery(now, from, until time.Time) query {
	q := query{
		selection: `SELECT d.pool, sum(NOT ` + getsNew + `), sum(` + getsNew + `), coalesce(min(CASE WHEN NOT ` + getsNew + ` THEN l.not_after END), 0)
			FROM lscs AS l JOIN devices AS d ON d.id = l.device_id`,
		args: []any{millis(now), millis(now), millis(now)},
	}
	q.where(isEnding)
	q.where("l.not_after >= ?", millis(from))
	q.where("l.not_after < ?", millis(until))
	q.terms[len(q.terms)-1] += " GROUP BY d.pool"
	q.order = "2 DESC, 1"
	return q
}

// CountEnds counts the installed LSCs that end before the first time, between each
// two of them, and not before the last one. The times rise.
func (s *Reader) CountEnds(ctx context.Context, times []time.Time) ([]int64, error) {
	counts := make([]int64, len(times)+1)
	into := make([]any, len(counts))
	for i := range counts {
		into[i] = &counts[i]
	}
	q := countEndsQuery(times)
	if err := s.point(ctx, q.String(), q.args, into...); err != nil {
		return nil, failed(err, "counting the ends of LSCs")
	}
	for i := len(counts) - 1; i > 0; i-- {
		counts[i] -= counts[i-1]
	}
	return counts, nil
}

// countEndsQuery counts what ends before each of the times, and everything, from
// the index lscs_ends alone.
func countEndsQuery(times []time.Time) query {
	q := query{selection: "SELECT "}
	for _, t := range times {
		q.selection += "coalesce(sum(not_after < ?), 0), "
		q.args = append(q.args, millis(t))
	}
	q.selection += "count(*) FROM lscs"
	q.where(isEnding)
	q.where("not_after >= ?", int64(math.MinInt64)) // which all are; it makes lscs_ends the index to choose
	return q
}
