package store

import (
	"context"
	"iter"
	"time"
)

// Expiry is the end of an installed LSC, for a report.
type Expiry struct {
	Device    string
	Model     string
	Pool      string
	Serial    string
	Issuer    string
	KeyKind   string
	NotBefore time.Time
	NotAfter  time.Time
}

func (v *Expiry) fields() []any {
	return []any{&v.Device, &v.Model, &v.Pool, &v.Serial, &v.Issuer, &v.KeyKind, (*bound)(&v.NotBefore), (*bound)(&v.NotAfter)}
}

// Expiries yields the installed LSCs of existing devices, the first to
// expire first.
func (s *Reader) Expiries(ctx context.Context) iter.Seq2[Expiry, error] {
	q := query{
		selection: `SELECT d.name, d.model, d.pool, l.serial, l.issuer, l.key_kind, l.not_before, l.not_after
			FROM lscs AS l JOIN devices AS d ON d.id = l.device_id`,
		order: "l.not_after, d.name",
	}
	q.where("l.state = 'installed'")
	return stream(ctx, s, "reading the ends of LSCs", q, (*Expiry).fields)
}
