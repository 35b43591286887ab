package store

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// onlineRequest keeps a request for the online CA.
func onlineRequest(t *testing.T, s *Store, d Device) (Request, OnlineRequest) {
	t.Helper()
	r := request(d)
	r.Issuer, r.CSR = onlineCA, []byte{0x30}
	r, err := s.SubmitRequest(t.Context(), phone(d.Name), r)
	must(t, err)
	o, err := s.Online(t.Context(), r.ID)
	must(t, err)
	return r, o
}

func due(t *testing.T, s *Store) []OnlineRequest {
	t.Helper()
	list, err := s.DueOnline(t.Context(), 10, false)
	must(t, err)
	return list
}

// TestOnlineSentOnce: of all that want to send a request, one may, also when it
// has been silent for long.
func TestOnlineSentOnce(t *testing.T) {
	t.Parallel()
	s, c := newStore(t)
	d := device("SEP000000000001")
	d.CompletesBy = start.Add(time.Hour)
	d, err := s.AddDevice(t.Context(), operator, d)
	must(t, err)
	r, o := onlineRequest(t, s, d)
	if o.State != OnlineQueued || !o.GiveUpAt.Equal(d.CompletesBy) || len(due(t, s)) != 1 {
		t.Fatalf("a new request is %+v, due are %d", o, len(due(t, s)))
	}
	mine, claimed, err := s.ClaimOnline(t.Context(), o, true, start.Add(time.Minute))
	must(t, err)
	if mine.State != OnlineSent || claimed.ID != r.ID || len(due(t, s)) != 0 {
		t.Fatalf("a claimed request is %+v, due are %d", mine, len(due(t, s)))
	}
	_, _, err = s.ClaimOnline(t.Context(), o, true, start.Add(time.Minute))
	wantErr(t, err, ErrConflict)
	c.move(2 * time.Minute)
	abandoned := due(t, s)
	if len(abandoned) != 1 || abandoned[0].State != OnlineSent {
		t.Fatalf("after the time due are %+v", abandoned)
	}
	theirs, _, err := s.ClaimOnline(t.Context(), abandoned[0], false, start.Add(time.Hour))
	must(t, err)
	mine.State, mine.CARequest = OnlineTaken, "41"
	wantErr(t, s.PostponeOnline(t.Context(), operator, mine, EventText{}), ErrConflict)
	_, err = s.IssueOnline(t.Context(), operator, mine, certificate(), nil)
	wantErr(t, err, ErrConflict)
	theirs.State = OnlineUnknown
	must(t, s.EndOnline(t.Context(), operator, theirs, "it is not known", Failed(Install, CACommunicationFailed)))
	r, err = s.Request(t.Context(), r.ID)
	must(t, err)
	d, err = s.Device(t.Context(), d.Name)
	must(t, err)
	if r.State != RequestRejected || r.Reason != "it is not known" || d.Status != Failed(Install, CACommunicationFailed) || d.Operation != Install {
		t.Errorf("the request is %s (%s), the device %s, %s", r.State, r.Reason, d.Status, d.Operation)
	}
	wantErr(t, s.EndOnline(t.Context(), operator, theirs, "again", ""), ErrConflict)
	checkIntegrity(t, s.Path())
}

// TestAbandonOnline: what a dead process had begun is due at once; what waits for
// its time goes on waiting.
func TestAbandonOnline(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	want := map[int64]bool{}
	for i, state := range []OnlineState{OnlineQueued, OnlineSent, OnlineTaken, OnlineTaken} {
		_, o := onlineRequest(t, s, addDevice(t, s, fmt.Sprintf("SEP00000000000%d", i)))
		o, _, err := s.ClaimOnline(t.Context(), o, state != OnlineQueued, start.Add(time.Hour))
		must(t, err)
		if state != OnlineSent {
			o.State, o.DueAt, o.Looks = state, start.Add(time.Hour), max(i-2, 0) // the last was looked for in vain
			must(t, s.PostponeOnline(t.Context(), operator, o, EventText{}))
		}
		want[o.RequestID] = i == 1 || i == 2
	}
	if got := due(t, s); len(got) != 0 {
		t.Fatalf("due are %+v", got)
	}
	n, err := s.AbandonOnline(t.Context())
	must(t, err)
	if n != 2 || len(due(t, s)) != 2 {
		t.Errorf("%d were taken up, due are %+v", n, due(t, s))
	}
	for _, o := range due(t, s) {
		if !want[o.RequestID] {
			t.Errorf("due is %+v", o)
		}
	}
}

// TestOnlineOvertaken: a newer key of the phone ends an older request that was
// not sent; one that the CA has goes on, and its LSC is stale.
func TestOnlineOvertaken(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	d := addDevice(t, s, "SEP000000000001")
	_, unsent := onlineRequest(t, s, d)
	_, o := onlineRequest(t, s, d)
	_, _, err := s.ClaimOnline(t.Context(), unsent, true, start.Add(time.Minute))
	wantErr(t, err, ErrConflict)
	if got, err := s.Online(t.Context(), unsent.RequestID); err != nil || got.State != OnlineWithdrawn {
		t.Errorf("the older one is %s, %v", got.State, err)
	}
	o, _, err = s.ClaimOnline(t.Context(), o, true, start.Add(time.Minute))
	must(t, err)
	o.State, o.CARequest = OnlineTaken, "41"
	must(t, s.PostponeOnline(t.Context(), operator, o, EventText{Action: "csr-pending"}))
	last, _ := onlineRequest(t, s, d)
	l, err := s.IssueOnline(t.Context(), operator, o, certificate(), map[string][]byte{"sum": {1}})
	must(t, err)
	if l.State != LSCStale {
		t.Errorf("the LSC is %s", l.State)
	}
	if r, err := s.Request(t.Context(), last.ID); err != nil || r.State != RequestPending {
		t.Errorf("the newest is %s, %v", r.State, err)
	}
	if n, err := s.WithdrawOnline(t.Context(), operator, 0, "gone"); err != nil || n != 1 {
		t.Errorf("%d withdrawn, %v", n, err)
	}
	if list, err := s.OnlineIssuers(t.Context()); err != nil || len(list) != 1 {
		t.Errorf("issuers %v, %v", list, err)
	}
	checkIntegrity(t, s.Path())
}

func TestOnlineDeleted(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	d := addDevice(t, s, "SEP000000000001")
	r, o := onlineRequest(t, s, d)
	o, _, err := s.ClaimOnline(t.Context(), o, true, start.Add(time.Minute))
	must(t, err)
	_, err = s.DeleteRequests(t.Context(), operator, []int64{r.ID})
	must(t, err)
	o.State = OnlineDenied
	wantErr(t, s.EndOnline(t.Context(), operator, o, "no", ""), ErrConflict)
	if _, err := s.Online(t.Context(), r.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("after the deletion: %v", err)
	}
}

// TestOnlineStates holds the CHECK of the schema against the states.
func TestOnlineStates(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	_, o := onlineRequest(t, s, addDevice(t, s, "SEP000000000001"))
	set := func(state OnlineState) error {
		return s.change(t.Context(), func(t *tx) error {
			_, err := t.exec("UPDATE online_requests SET state = ? WHERE request_id = ?", string(state), o.RequestID)
			return err
		})
	}
	for _, state := range []OnlineState{OnlineQueued, OnlineSent, OnlineTaken, OnlineIssued, OnlineDenied, OnlineUnfit, OnlineUnreachable, OnlineUnknown, OnlineWithdrawn, OnlineLate} {
		must(t, set(state))
	}
	if set("nonsense") == nil {
		t.Error("nonsense is a state")
	}
}

func TestOnlinePlan(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	for _, unsent := range []bool{false, true} {
		if plan := explain(t, s, dueOnline(start, 10, unsent)); !strings.Contains(plan, "online_requests_due (due_at<?)") {
			t.Errorf("the plan is %s", plan)
		}
	}
}

func TestSecrets(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	_, err := s.Secret(t.Context(), "online_ca_password")
	wantErr(t, err, ErrNotFound)
	must(t, s.SetSecret(t.Context(), operator, "online_ca_password", []byte{1}, nil))
	must(t, s.SetSecret(t.Context(), operator, "online_ca_password", []byte{2}, nil))
	if got, err := s.Secret(t.Context(), "online_ca_password"); err != nil || string(got) != "\x02" {
		t.Errorf("the secret is %v, %v", got, err)
	}
	must(t, s.SetSecret(t.Context(), operator, "online_ca_password", nil, nil))
	must(t, s.SetSecret(t.Context(), operator, "online_ca_password", nil, nil))
	_, err = s.Secret(t.Context(), "online_ca_password")
	wantErr(t, err, ErrNotFound)
	if n := len(all(t, s.Events(t.Context(), EventFilter{Action: "set"}))); n != 3 {
		t.Errorf("%d events", n)
	}
}

// TestOnlineTimeMoved: the time for a request is that of its device's operation
// now. One that is not waited for any more keeps the time that it had.
func TestOnlineTimeMoved(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	d := device("SEP000000000001")
	d.CompletesBy = start.Add(time.Hour)
	d, err := s.AddDevice(t.Context(), operator, d)
	must(t, err)
	_, o := onlineRequest(t, s, d)
	set := func(edit func(*Device)) {
		t.Helper()
		_, err := s.ChangeDevice(t.Context(), operator, d.Name, EventText{Action: "device-set"}, func(d *Device) error { edit(d); return nil })
		must(t, err)
	}
	later := start.Add(48 * time.Hour)
	set(func(d *Device) { d.CompletesBy = later })
	if list := due(t, s); len(list) != 1 || !list[0].GiveUpAt.Equal(later) {
		t.Errorf("due is %+v", list)
	}
	o, _, err = s.ClaimOnline(t.Context(), o, true, start.Add(time.Minute))
	must(t, err)
	if !o.GiveUpAt.Equal(later) {
		t.Errorf("the claimed one has time until %v", o.GiveUpAt)
	}
	set(func(d *Device) { d.CompletesBy = time.Time{} })
	if o, err := s.Online(t.Context(), o.RequestID); err != nil || !o.GiveUpAt.IsZero() {
		t.Errorf("without an end of the operation it has time until %v, %v", o.GiveUpAt, err)
	}
	set(func(d *Device) { d.Operation, d.Status, d.Schedule = NoOperation, StatusNone, d.Schedule+1 })
	if o, err := s.Online(t.Context(), o.RequestID); err != nil || !o.GiveUpAt.Equal(start.Add(time.Hour)) {
		t.Errorf("a cancelled one has time until %v, %v", o.GiveUpAt, err)
	}
	o.State = OnlineTaken
	l, err := s.IssueOnline(t.Context(), operator, o, certificate(), nil)
	must(t, err)
	if l.State != LSCStale {
		t.Errorf("the LSC of a cancelled operation is %s", l.State)
	}
	checkIntegrity(t, s.Path())
}

// TestWithdrawByIndex: phones that leave together must not keep the database
// from others, each by a look at the requests of all.
func TestWithdrawByIndex(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	for id, want := range map[int64]string{7: "SEARCH online_requests USING INTEGER PRIMARY KEY", 0: "USING INDEX online_requests_"} { // either partial index of the open ones
		if plan := explain(t, s, unsent(id)); !strings.Contains(plan, want) {
			t.Errorf("the plan for %d is\n%s", id, plan)
		}
	}
	_, first := onlineRequest(t, s, addDevice(t, s, "SEP000000000001"))
	_, second := onlineRequest(t, s, addDevice(t, s, "SEP000000000002"))
	for range 2 {
		n, err := s.WithdrawOnline(t.Context(), operator, first.RequestID, "gone")
		must(t, err)
		if n > 1 || requestState(t, s, second.RequestID) != RequestPending || requestState(t, s, first.RequestID) != RequestRejected {
			t.Errorf("%d were withdrawn", n)
		}
	}
}
