package store

import (
	"fmt"
	"time"
)

// UnconfirmedLimit is how many keys a phone may send for LSCs without confirming one; 0
// means no limit. The last of them locks the device for Span. Otherwise anyone who knows
// a name could have certificates made as fast as the server can sign.
type UnconfirmedLimit struct {
	Keys int
	Lock time.Duration
}

// unconfirmedCount is how far a device is from the limit.
type unconfirmedCount struct {
	unconfirmed int64
	lockedUntil time.Time
	lockedFor   LockReason
}

func (p *unconfirmedCount) fields() []any {
	return []any{&p.unconfirmed, (*instant)(&p.lockedUntil), (*string)(&p.lockedFor)}
}

func (p *unconfirmedCount) locked(now time.Time) bool {
	return p.lockedFor == LockedForUnconfirmed && inForce(p.lockedUntil, now, LockTime)
}

// limitUnconfirmed counts what a new request has superseded, and locks the device when
// the request is the last that the limit allows. When a phone confirms what it gets,
// nothing is superseded and nothing written.
func limitUnconfirmed(t *tx, r Request, p unconfirmedCount, overtaken int64) error {
	l := r.Limit
	n := p.unconfirmed + overtaken
	if l.Keys == 0 || n+1 < int64(l.Keys) {
		if overtaken == 0 {
			return nil
		}
		_, err := t.exec("UPDATE devices SET unconfirmed = ? WHERE id = ?", n, r.DeviceID)
		return err
	}
	until := t.now.Add(l.Lock)
	_, err := t.exec("UPDATE devices SET unconfirmed = 0, locked_until = ?, locked_for = 'unconfirmed' WHERE id = ?", millis(until), r.DeviceID)
	if err != nil {
		return err
	}
	return t.event(Actor{Kind: Phone, Name: r.Device, Address: r.Address}, r.Device, EventText{Action: "enroll", Step: "issue", Outcome: "locked",
		Detail: fmt.Sprintf("until %s, unless the phone confirms this one: %d keys since it last confirmed an LSC", until.Format(time.RFC3339), l.Keys)})
}

// clearUnconfirmed resets the count, and lifts the lock that it led to.
func clearUnconfirmed(t *tx, deviceID int64) error {
	_, err := t.exec(`UPDATE devices SET unconfirmed = 0, locked_until = CASE WHEN locked_for = 'unconfirmed' THEN 0 ELSE locked_until END,
		locked_for = CASE WHEN locked_for = 'unconfirmed' THEN '' ELSE locked_for END
		WHERE id = ? AND (unconfirmed > 0 OR locked_for = 'unconfirmed')`, deviceID)
	return err
}
