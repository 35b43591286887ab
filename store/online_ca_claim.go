package store

import (
	"context"
	"time"
)

// ClaimOnline claims a request until the given time, after which others may
// treat it as abandoned. With send, its state becomes sent, so call it before
// anything goes to the CA. ErrConflict: another process has taken it, or it may
// not be sent any more: a newer one has overtaken it, or the device has been
// deleted.
func (s *Store) ClaimOnline(ctx context.Context, o OnlineRequest, send bool, until time.Time) (OnlineRequest, Request, error) {
	var r Request
	var withdrawn error
	attempt := o.Attempt // the work may run twice
	err := s.change(ctx, func(t *tx) error {
		withdrawn = nil
		err := t.row(`UPDATE online_requests SET attempt = attempt + 1, due_at = ?, set_at = ? WHERE request_id = ? AND attempt = ? AND `+isOnlineOpen+`
			RETURNING `+onlineColumns, millis(until), millis(t.now), o.RequestID, attempt).Scan(o.fields()...)
		if err == ErrNotFound {
			return conflict("another process has taken it")
		}
		if err == nil {
			err = t.row(selectRequest, o.RequestID).Scan(r.fields()...)
		}
		if err != nil || !send {
			return err
		}
		if o.State == OnlineQueued && (r.State != RequestPending || r.DeviceID == 0) {
			withdrawn = conflict("it is %s, not to be sent any more", r.State)
			_, err = t.exec("UPDATE online_requests SET state = 'withdrawn' WHERE request_id = ?", o.RequestID)
			return err
		}
		o.State, o.SentAt = OnlineSent, t.now
		_, err = t.exec("UPDATE online_requests SET state = 'sent', sent_at = ? WHERE request_id = ?", millis(t.now), o.RequestID)
		return err
	})
	if err == nil {
		err = withdrawn
	}
	return o, r, failed(err, "taking request %d for the online CA", o.RequestID)
}

// AbandonOnline is for a process that knows that no other works on requests to
// the online CA: unfinished requests of earlier processes become due now. These
// are requests that they were sending, or fetching at once; where the CA has to
// decide, the next question keeps its time. It returns the number of requests.
func (s *Store) AbandonOnline(ctx context.Context) (n int, err error) {
	err = s.change(ctx, func(t *tx) error {
		affected, err := t.exec("UPDATE online_requests SET due_at = ?, set_at = ? WHERE "+isOnlineOpen+
			" AND due_at > ? AND (state = 'sent' OR state = 'taken' AND looks = 0)", millis(t.now), millis(t.now), millis(t.now))
		n = int(affected)
		return err
	})
	return n, failed(err, "taking up requests to the online CA")
}

// PostponeOnline stores what is known about an open request and when it is
// due: one that has not reached the CA is queued again, one that the CA has
// is taken, with its number. An event is written when it has an action.
// ErrConflict: another process has taken it.
func (s *Store) PostponeOnline(ctx context.Context, a Actor, o OnlineRequest, e EventText) error {
	err := s.change(ctx, func(t *tx) error {
		if err := noteOnline(t, o); err != nil || e.Action == "" {
			return err
		}
		var device string
		if err := t.row("SELECT device FROM requests WHERE id = ?", o.RequestID).Scan(&device); err != nil {
			return err
		}
		return t.event(a, device, e)
	})
	return failed(err, "keeping what the online CA does with request %d", o.RequestID)
}

func noteOnline(t *tx, o OnlineRequest) error {
	n, err := t.exec(`UPDATE online_requests SET state = ?, due_at = ?, set_at = ?, looks = ?, ca = ?, ca_request = ?, code = ?, words = ?, advice = ?, note = ?,
		certificate = ? WHERE request_id = ? AND attempt = ? AND `+isOnlineOpen,
		string(o.State), millis(o.DueAt), millis(t.now), o.Looks, o.CA, o.CARequest, o.Code, o.Words, o.Advice, o.Note, o.Certificate, o.RequestID, o.Attempt)
	if err == nil && n == 0 {
		err = conflict("another process has taken it, or it has been deleted")
	}
	return err
}
