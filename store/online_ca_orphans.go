package store

import "fmt"

// Orphaned is the action of an event about a request that the online CA may
// still be working on although no phone waits for its certificate any more.
// Only the event says how to find such a certificate at the CA.
const Orphaned = "csr-orphan"

// leaveAtCA records the requests among those to be deleted, rows r that meet the
// term, that are at the online CA.
func leaveAtCA(t *tx, a Actor, term string, args ...any) error {
	type left struct {
		device string
		OnlineRequest
	}
	q := query{selection: "SELECT r.device, o.request_id, o.state, o.ca, o.ca_request FROM online_requests o JOIN requests r ON r.id = o.request_id", order: "r.id"}
	q.where("(o.state = 'sent' OR o.state = 'taken')")
	q.where(term, args...)
	all, err := rowsOf(t, q, func(l *left) []any { return []any{&l.device, &l.RequestID, (*string)(&l.State), &l.CA, &l.CARequest} })
	if err != nil {
		return err
	}
	for _, l := range all {
		if err := t.event(a, l.device, EventText{Action: Orphaned, Outcome: "deleted", Detail: fmt.Sprintf("%d, which %s", l.RequestID, l.where())}); err != nil {
			return err
		}
	}
	return nil
}

// where says how to find a request that is open at the CA.
func (o OnlineRequest) where() string {
	switch {
	case o.State == OnlineSent:
		return "was on its way to the online CA"
	case o.CARequest != "":
		return fmt.Sprintf("%s has as its request %s", o.CA, o.CARequest)
	}
	return o.CA + " has"
}
