package store

import (
	"context"
	"fmt"
	"iter"
	"time"
)

// OnlineState is how far a request is at the online CA.
type OnlineState string

// The states of a request at the online CA. The first three are open; an
// Issued one has its LSC, the others have none.
const (
	OnlineQueued      OnlineState = "queued"      // not sent
	OnlineSent        OnlineState = "sent"        // it may have reached the CA, whose answer is not known yet
	OnlineTaken       OnlineState = "taken"       // the CA has it
	OnlineIssued      OnlineState = "issued"      // its certificate has come and is kept
	OnlineDenied      OnlineState = "denied"      // the CA has said no
	OnlineUnfit       OnlineState = "unfit"       // its certificate has come and failed a check
	OnlineUnreachable OnlineState = "unreachable" // it has not reached the CA
	OnlineUnknown     OnlineState = "unknown"     // whether it has reached the CA is not known
	OnlineWithdrawn   OnlineState = "withdrawn"   // it was not sent: the phone has gone
	OnlineLate        OnlineState = "late"        // the CA has not decided in the time for the operation
)

// OnlineRequest is what became of a request at the online CA.
type OnlineRequest struct {
	RequestID   int64
	State       OnlineState
	Attempt     int64     // counts those who have worked on it
	DueAt       time.Time // when to look at it next; of an unreachable one, when the phone may come back
	GiveUpAt    time.Time // end of the time for the operation; zero for none
	SentAt      time.Time
	Looks       int    // how often it was looked for in vain
	CA          string // which one has taken it
	CARequest   string // the CA's own number
	Code        string // the CA's last number of a failure
	Words       string // the CA's last words
	Advice      string
	Note        string // what was last found, of an open one
	Certificate []byte // DER of one that failed a check
}

const (
	onlineColumns = `request_id, state, attempt, due_at, ` + giveUpAt + `, sent_at, looks, ca, ca_request, code, words, advice, note, certificate`
	// An operator may have moved the time since the phone sent its key. What is
	// not waited for any more is asked for until the time that was set then.
	giveUpAt = `coalesce((SELECT d.completes_by FROM requests AS r JOIN devices AS d ON d.id = r.device_id
		WHERE r.id = online_requests.request_id AND r.state = 'pending'), give_up_at)`
	isOnlineOpen = `(state = 'queued' OR state = 'sent' OR state = 'taken')` // word for word as in the index online_requests_due
)

func (o *OnlineRequest) fields() []any {
	return []any{&o.RequestID, (*string)(&o.State), &o.Attempt, (*instant)(&o.DueAt), (*instant)(&o.GiveUpAt), (*instant)(&o.SentAt),
		&o.Looks, &o.CA, &o.CARequest, &o.Code, &o.Words, &o.Advice, &o.Note, &o.Certificate}
}

// onlineCA is the issuer whose requests stand in online_requests too.
const onlineCA = "online-ca"

// queueOnline lets a new request be sent to the online CA. The phone has proved that
// it has the private key, whatever it did before.
func queueOnline(t *tx, r *Request) error {
	if _, err := t.exec("UPDATE devices SET no_possession = 0 WHERE id = ? AND no_possession <> 0", r.DeviceID); err != nil {
		return err
	}
	_, err := t.exec(`INSERT INTO online_requests (request_id, state, due_at, set_at, give_up_at)
		SELECT ?, 'queued', ?, ?, completes_by FROM devices WHERE id = ?`, r.ID, millis(t.now), millis(t.now), r.DeviceID)
	return err
}

// RejectUnproven keeps a request for the online CA that cannot be sent, since
// the phone has not proved that it has the private key. Errors as those of
// SubmitRequest.
func (s *Store) RejectUnproven(ctx context.Context, a Actor, r Request) (Request, error) {
	err := s.change(ctx, func(t *tx) error {
		if err := submitRequest(t, &r, RequestRejected); err != nil {
			return err
		}
		if _, err := t.exec("UPDATE devices SET unconfirmed = unconfirmed + 1 WHERE id = ?", r.DeviceID); err != nil {
			return err
		}
		return t.event(a, r.Device, EventText{Action: "csr-reject", Step: "possession", Outcome: "rejected", Detail: r.Reason})
	})
	if err != nil {
		return Request{}, failed(err, "keeping the request of device %q", r.Device)
	}
	return r, nil
}

// DueOnline returns requests at the online CA that somebody should work on
// now, at most limit, those that are due longest first. With unsent, those that
// the CA has taken are left out. When there is nothing, it takes microseconds.
func (s *Reader) DueOnline(ctx context.Context, limit int, unsent bool) ([]OnlineRequest, error) {
	now := s.options.Now()
	due, err := s.onlineRequests(ctx, dueOnline(now, limit, unsent))
	if err != nil || len(due) == limit {
		return due, err
	}
	ahead, err := s.onlineRequests(ctx, onlineAhead(now, limit-len(due), unsent))
	return append(due, ahead...), err
}

func (s *Reader) onlineRequests(ctx context.Context, q query) ([]OnlineRequest, error) {
	return collect(stream(ctx, s, "looking for requests to the online CA", q, (*OnlineRequest).fields))
}

// clockStep is by how much the clock has to go back to be noticed; the clocks of
// several hosts may differ by less.
const clockStep = time.Minute

// onlineAhead are those whose time was set before the clock went back: it lies
// further ahead than anybody meant, so that they are due now.
func onlineAhead(now time.Time, limit int, unsent bool) query {
	q := query{selection: "SELECT " + onlineColumns + " FROM online_requests", order: "set_at, request_id LIMIT ?"}
	q.where(isOnlineOpen)
	q.where("set_at > ?", millis(now.Add(clockStep)))
	q.where("due_at > ?", millis(now))
	if unsent {
		q.where("state <> 'taken'")
	}
	q.args = append(q.args, limit)
	return q
}

func dueOnline(now time.Time, limit int, unsent bool) query {
	q := query{selection: "SELECT " + onlineColumns + " FROM online_requests", order: "due_at, request_id LIMIT ?"}
	q.where(isOnlineOpen)
	q.where("due_at <= ?", millis(now))
	if unsent {
		q.where("state <> 'taken'")
	}
	q.args = append(q.args, limit)
	return q
}

// ClaimOnline takes a request to work on it until the time given, when others
// may take it for abandoned. With send, it is sent from now on, which is to be
// called before anything goes to the CA. ErrConflict: another process has taken
// it, or it may not be sent any more: a newer one has overtaken it, or the
// device has been deleted.
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
// the online CA: what others had begun and not brought to an end is due now. That
// is what they were sending, and what they were fetching at once; where the CA
// has to decide, the next look comes at its time. It returns how many there are.
func (s *Store) AbandonOnline(ctx context.Context) (n int, err error) {
	err = s.change(ctx, func(t *tx) error {
		affected, err := t.exec("UPDATE online_requests SET due_at = ?, set_at = ? WHERE "+isOnlineOpen+
			" AND due_at > ? AND (state = 'sent' OR state = 'taken' AND looks = 0)", millis(t.now), millis(t.now), millis(t.now))
		n = int(affected)
		return err
	})
	return n, failed(err, "taking up requests to the online CA")
}

// PostponeOnline keeps what is known of an open request and when it is due:
// one that has not reached the CA is queued again, one that the CA has is
// taken, with its number. An event is written when it has an action.
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

// EndOnline ends a request without an LSC. Unless a newer one has overtaken it,
// the request is rejected with the reason, and the device has the status,
// should its operation still be the one. ErrConflict: another process has taken
// it, or it has been deleted.
func (s *Store) EndOnline(ctx context.Context, a Actor, o OnlineRequest, reason string, status Status) error {
	err := s.change(ctx, func(t *tx) error {
		if err := noteOnline(t, o); err != nil {
			return err
		}
		return rejectOnline(t, a, o, reason, status)
	})
	return failed(err, "ending request %d to the online CA", o.RequestID)
}

func rejectOnline(t *tx, a Actor, o OnlineRequest, reason string, status Status) error {
	var r Request
	err := t.row("UPDATE requests SET state = 'rejected', reason = ? WHERE id = ? AND state = 'pending' RETURNING device_id, device, schedule",
		reason, o.RequestID).Scan((*optional)(&r.DeviceID), &r.Device, &r.Schedule)
	switch {
	case err == ErrNotFound: // overtaken; what the CA has said is still worth a line
		if err := t.row("SELECT device FROM requests WHERE id = ?", o.RequestID).Scan(&r.Device); err != nil {
			return err
		}
	case err != nil:
		return err
	default:
		if err := setStatus(t, r.DeviceID, r.Schedule, status); err != nil {
			return err
		}
	}
	return t.event(a, r.Device, EventText{Action: "csr-reject", Step: "issue", Outcome: string(o.State), Detail: reason})
}

// WithdrawOnline ends requests that have not been sent: the one with the id, or
// all for the id 0. It returns how many.
func (s *Store) WithdrawOnline(ctx context.Context, a Actor, requestID int64, reason string) (n int, err error) {
	err = s.change(ctx, func(t *tx) error {
		queued, err := rowsOf(t, unsent(requestID), (*OnlineRequest).fields)
		if err != nil {
			return err
		}
		for _, o := range queued {
			o.State = OnlineWithdrawn
			if err := noteOnline(t, o); err != nil {
				return err
			}
			if err := rejectOnline(t, a, o, reason, ""); err != nil {
				return err
			}
		}
		n = len(queued)
		return nil
	})
	if err != nil {
		return 0, failed(err, "withdrawing requests to the online CA")
	}
	return n, nil
}

func unsent(requestID int64) query {
	q := query{selection: "SELECT " + onlineColumns + " FROM online_requests"}
	if requestID != 0 {
		q.where("request_id = ?", requestID)
	} else {
		q.where(isOnlineOpen)
	}
	q.where("state = 'queued'")
	return q
}

// IssueOnline keeps the LSC that the online CA has made, and the issuers that
// it sent along: certificates (DER) by their SHA-256. The LSC is stale when a
// newer request has overtaken this one, or the device has been deleted or its
// operation changed.
// ErrConflict: another process has taken the request, the request has been
// rejected, or the issuer has used the serial before.
func (s *Store) IssueOnline(ctx context.Context, a Actor, o OnlineRequest, l LSC, issuers map[string][]byte) (LSC, error) {
	err := s.change(ctx, func(t *tx) error {
		o.State = OnlineIssued
		if err := noteOnline(t, o); err != nil {
			return err
		}
		state := LSCIssued
		l.RequestID = o.RequestID
		err := t.row("UPDATE requests SET state = 'issued' WHERE id = ? AND state = 'pending' RETURNING device_id, device, key_kind", o.RequestID).
			Scan((*optional)(&l.DeviceID), &l.Device, &l.KeyKind)
		if err == ErrNotFound {
			state = LSCStale
			err = overtakenLSC(t, &l)
		}
		if err != nil {
			return err
		}
		if err := attachLSC(t, &l, state); err != nil {
			return err
		}
		if state == LSCStale {
			if err := revokeLike(t, a, &l); err != nil {
				return err
			}
		}
		for sum, der := range issuers {
			_, err := t.exec("INSERT INTO online_issuers (fingerprint, added_at, certificate) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", []byte(sum), millis(t.now), der)
			if err != nil {
				return err
			}
		}
		return t.event(a, l.Device, EventText{Action: "csr-issue", Step: "issue", Detail: issueDetail(o, l)})
	})
	if err != nil {
		return LSC{}, failed(err, "keeping the certificate of request %d", o.RequestID)
	}
	return l, nil
}

func issueDetail(o OnlineRequest, l LSC) string {
	detail := "serial " + l.Serial
	if o.CARequest != "" {
		detail += fmt.Sprintf(", request %s of the CA", o.CARequest)
	}
	if l.State != LSCIssued {
		detail += ", " + string(l.State) + ": the phone does not wait for it any more"
	}
	return detail
}

// Online returns what became of a request at the online CA. ErrNotFound: it was
// never meant for one.
func (s *Reader) Online(ctx context.Context, requestID int64) (OnlineRequest, error) {
	var o OnlineRequest
	err := s.point(ctx, "SELECT "+onlineColumns+" FROM online_requests WHERE request_id = ?", []any{requestID}, o.fields()...)
	if err != nil {
		return OnlineRequest{}, failed(err, "reading request %d to the online CA", requestID)
	}
	return o, nil
}

// OnlineIssuers returns the certificates (DER) between LSCs and capf-trust that
// the online CA has sent along.
func (s *Reader) OnlineIssuers(ctx context.Context) ([][]byte, error) {
	q := query{selection: "SELECT certificate FROM online_issuers", order: "added_at DESC LIMIT 64"}
	var list iter.Seq2[[]byte, error] = stream(ctx, s, "reading issuers", q, func(der *[]byte) []any { return []any{der} })
	return collect(list)
}
