package store

import (
	"context"
	"iter"
	"time"
)

// OnlineState is the state of a request at the online CA.
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
	OnlineUnreachable OnlineState = "unreachable" // it did not reach the CA
	OnlineUnknown     OnlineState = "unknown"     // whether it has reached the CA is not known
	OnlineWithdrawn   OnlineState = "withdrawn"   // it was not sent: the phone had left
	OnlineLate        OnlineState = "late"        // the CA did not decide within the time for the operation
)

// OnlineRequest is what became of a request at the online CA.
type OnlineRequest struct {
	RequestID   int64
	State       OnlineState
	Attempt     int64     // increases with each claim
	DueAt       time.Time // when to work on it next; when unreachable, when the phone may come back
	GiveUpAt    time.Time // end of the time for the operation; zero for none
	SentAt      time.Time
	Looks       int    // how often the CA was asked in vain
	CA          string // which CA has it
	CARequest   string // the CA's own number
	Code        string // the CA's last number of a failure
	Words       string // the CA's last words
	Advice      string
	Note        string // the latest finding about an open one
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

// RejectUnproven records a request for the online CA that cannot be sent,
// because the phone has not proved possession of the private key. Errors as
// those of SubmitRequest.
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
