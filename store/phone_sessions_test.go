package store

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestIssueLSC(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	d := addDevice(t, s, "SEP000000000001")
	pending, err := s.SubmitRequest(t.Context(), phone(d.Name), request(d))
	must(t, err)
	n := NewLSC{Request: request(d), LSC: certificate()}
	n.Request.CSR, n.Request.Reason = []byte("csr"), "reason"
	n.LSC.Serial = "00:0A:" + n.LSC.Serial
	var l LSC
	e := events(t, s, 1, func() {
		l, err = s.IssueLSC(t.Context(), phone(d.Name), n)
		must(t, err)
	})
	if e.Action != "enroll" || e.Step != "issue" || e.Device != d.Name || e.Actor != phone(d.Name) {
		t.Errorf("the event is %+v", e)
	}
	if got := requestState(t, s, pending.ID); got != RequestSuperseded {
		t.Errorf("the pending request is %s", got)
	}
	want := n.LSC
	want.ID, want.RequestID, want.DeviceID, want.Device = l.ID, pending.ID+1, d.ID, d.Name
	want.Serial, want.State, want.IssuedAt = "0a"+want.Serial[6:], LSCIssued, start
	kept, err := s.LSC(t.Context(), n.LSC.Serial)
	must(t, err)
	if fmt.Sprint(l) != fmt.Sprint(want) || fmt.Sprint(kept) != fmt.Sprint(want) {
		t.Errorf("got\n%v and\n%v, want\n%v", l, kept, want)
	}
	wantRequest := n.Request
	wantRequest.ID, wantRequest.State, wantRequest.CreatedAt = l.RequestID, RequestIssued, start
	r, err := s.Request(t.Context(), l.RequestID)
	must(t, err)
	if fmt.Sprint(r) != fmt.Sprint(wantRequest) {
		t.Errorf("got\n%v, want\n%v", r, wantRequest)
	}
	if deviceNow(t, s, d.Name).Operation != Install {
		t.Error("the operation has been cleared before the confirmation")
	}
	newer := issue(t, s, d)
	if lscState(t, s, l) != LSCStale || lscState(t, s, newer) != LSCIssued {
		t.Error("the older LSC is not stale")
	}
}

func TestIssueLSCTooLate(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	d := addDevice(t, s, "SEP000000000001")
	l := issue(t, s, d)
	events(t, s, 0, func() {
		again := NewLSC{Request: request(d), LSC: certificate()}
		again.LSC.Serial = l.Serial
		_, err := s.IssueLSC(t.Context(), phone(d.Name), again)
		wantErr(t, err, ErrConflict)
		if lscState(t, s, l) != LSCIssued {
			t.Error("a refused LSC has overtaken another")
		}
		late := request(d)
		late.Schedule++
		_, err = s.IssueLSC(t.Context(), phone(d.Name), NewLSC{Request: late, LSC: certificate()})
		wantErr(t, err, ErrConflict)
		_, err = s.SubmitRequest(t.Context(), phone(d.Name), late)
		wantErr(t, err, ErrConflict)
	})
	must(t, s.DeleteDevice(t.Context(), operator, d.Name))
	_, err := s.IssueLSC(t.Context(), phone(d.Name), NewLSC{Request: request(d), LSC: certificate()})
	wantErr(t, err, ErrConflict)
}

func TestMarkInstalled(t *testing.T) {
	t.Parallel()
	s, c := newStore(t)
	d := addDevice(t, s, "SEP000000000001")
	first := issue(t, s, d)
	c.move(time.Minute)
	e := events(t, s, 1, func() {
		must(t, s.MarkInstalled(t.Context(), phone(d.Name), first.ID, d.Schedule))
		must(t, s.MarkInstalled(t.Context(), phone(d.Name), first.ID, d.Schedule))
	})
	if e.Action != "enroll" || e.Step != "store" {
		t.Errorf("the event is %+v", e)
	}
	got := deviceNow(t, s, d.Name)
	if got.Operation != NoOperation || got.Status != "upgrade-success" {
		t.Errorf("the device is %+v", got)
	}
	second := issue(t, s, d)
	schedule(t, s, d)
	must(t, s.MarkInstalled(t.Context(), phone(d.Name), second.ID, d.Schedule))
	got = deviceNow(t, s, d.Name)
	if got.Operation != Install || got.Status != StatusPending || got.Schedule != d.Schedule+1 {
		t.Errorf("a newer operation has been cleared: %+v", got)
	}
	old, err := s.LSC(t.Context(), first.Serial)
	must(t, err)
	if old.State != LSCReplaced || !old.EndedAt.Equal(start.Add(time.Minute)) || !old.InstalledAt.Equal(start.Add(time.Minute)) {
		t.Errorf("the one before is %+v", old)
	}
	wantErr(t, s.MarkInstalled(t.Context(), phone(d.Name), first.ID, got.Schedule), ErrConflict)
	wantErr(t, s.MarkInstalled(t.Context(), phone(d.Name), 999, got.Schedule), ErrNotFound)
}

func schedule(t *testing.T, s *Store, d Device) {
	t.Helper()
	_, err := s.ChangeDevice(t.Context(), operator, d.Name, EventText{Action: "device-set"}, func(d *Device) error {
		d.Operation, d.Status = Install, StatusPending
		d.Schedule++
		return nil
	})
	must(t, err)
}

// TestMarkInstalledFoundOut: another session has found out that the phone has the LSC
// which it confirms; its operation is over all the same.
func TestMarkInstalledFoundOut(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	d := addDevice(t, s, "SEP000000000001")
	l := issue(t, s, d)
	must(t, s.NoteAuthenticated(t.Context(), phone(d.Name), d.ID, "", nil, fingerprint(l.Certificate)))
	if state := lscState(t, s, l); state != LSCInstalled {
		t.Fatalf("the LSC is %s", state)
	}
	must(t, s.MarkInstalled(t.Context(), phone(d.Name), l.ID, d.Schedule))
	if d := deviceNow(t, s, d.Name); d.Operation != NoOperation || d.Status != Succeeded(Install) {
		t.Errorf("the device has %s, %q", d.Operation, d.Status)
	}
}

func TestMarkRefused(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	d := addDevice(t, s, "SEP000000000001")
	l := issue(t, s, d)
	f := Failure{DeviceID: d.ID, Schedule: d.Schedule, Status: Failed(Install, InvalidLSC), Step: "store", Outcome: "declined", Detail: "result 4"}
	e := events(t, s, 1, func() { must(t, s.MarkRefused(t.Context(), phone(d.Name), l.ID, f)) })
	if e.Action != "enroll" || e.Step != "store" || e.Outcome != "declined" || e.Detail != "result 4" || e.Device != d.Name {
		t.Errorf("the event is %+v", e)
	}
	got := deviceNow(t, s, d.Name)
	if got.Operation != Install || got.Status != f.Status || lscState(t, s, l) != LSCStale {
		t.Errorf("the device is %+v", got)
	}
	events(t, s, 0, func() {
		wantErr(t, s.MarkRefused(t.Context(), phone(d.Name), l.ID, f), ErrConflict)
		wantErr(t, s.MarkRefused(t.Context(), phone(d.Name), 999, f), ErrNotFound)
	})
}

// TestMarkInstalledOvertaken is a phone that was cut off and came back: its old
// session, late, overtakes the LSC that it then confirms.
func TestMarkInstalledOvertaken(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	d := addDevice(t, s, "SEP000000000001")
	confirmed := issue(t, s, d)
	late := issue(t, s, d)
	if lscState(t, s, confirmed) != LSCStale {
		t.Fatal("the first LSC is not overtaken")
	}
	must(t, s.MarkInstalled(t.Context(), phone(d.Name), confirmed.ID, d.Schedule))
	if lscState(t, s, confirmed) != LSCInstalled || lscState(t, s, late) != LSCIssued {
		t.Errorf("the LSCs are %s and %s", lscState(t, s, confirmed), lscState(t, s, late))
	}
	if got := deviceNow(t, s, d.Name); got.Operation != NoOperation || got.Status != Succeeded(Install) {
		t.Errorf("the device is %+v", got)
	}
}

func TestNoteFailure(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	d := addDevice(t, s, "SEP000000000001")
	f := Failure{DeviceID: d.ID, Schedule: d.Schedule, Status: Failed(Delete, CommunicationFailure), Step: "key", Outcome: "timeout"}
	e := events(t, s, 1, func() { must(t, s.NoteFailure(t.Context(), phone(d.Name), f)) })
	if got := deviceNow(t, s, d.Name); got.Status != f.Status || got.Operation != Install || e.Action != "delete" {
		t.Errorf("the device is %+v, the event %+v", got, e)
	}
	quiet := f
	quiet.Unrecorded, quiet.Status = true, Failed(Delete, InvalidString)
	events(t, s, 0, func() { must(t, s.NoteFailure(t.Context(), phone(d.Name), quiet)) })
	if got := deviceNow(t, s, d.Name); got.Status != quiet.Status {
		t.Errorf("the status is %s", got.Status)
	}
	schedule(t, s, d)
	events(t, s, 1, func() { must(t, s.NoteFailure(t.Context(), phone(d.Name), f)) })
	if got := deviceNow(t, s, d.Name); got.Status != StatusPending {
		t.Errorf("a newer operation has the status %s", got.Status)
	}
	e = events(t, s, 1, func() {
		must(t, s.NoteFailure(t.Context(), phone("SEP00000000000F"), Failure{Step: "authenticate", Outcome: "unknown-device"}))
	})
	if e.Action != "session" || e.Device != "SEP00000000000F" || e.Outcome != "unknown-device" {
		t.Errorf("the event is %+v", e)
	}
}

// near is a network from which phones come.
const near = "198.51.100.7"

var threeStrings = GuessLimits{Device: 3, Span: time.Hour}

func TestNoteWrongString(t *testing.T) {
	t.Parallel()
	s, clock := newStore(t)
	d := addDevice(t, s, "SEP000000000001")
	status := Failed(Install, InvalidString)
	wrong := func() (w WrongString) {
		var err error
		w, err = s.NoteWrongString(t.Context(), phone(d.Name), d.ID, d.Schedule, near, threeStrings, status)
		must(t, err)
		return w
	}
	for i := 1; i <= 3; i++ {
		var w WrongString
		e := events(t, s, 1, func() { w = wrong() })
		got := deviceNow(t, s, d.Name)
		want, outcome, count, reason := time.Time{}, "wrong-string", i, NotLocked
		if i == 3 {
			want, outcome, count, reason = start.Add(time.Hour), "locked", 0, LockedForWrongStrings
		}
		if !w.Counted || !w.Locked.Equal(want) || !got.LockedUntil.Equal(want) || got.LockedFor != reason || got.WrongStrings != count || got.Status != status || e.Outcome != outcome {
			t.Errorf("after %d: %+v, %+v, %+v", i, w, got, e)
		}
	}
	// While the device is locked nothing is counted, and the right string is no use.
	locked := start.Add(time.Hour)
	for range 5 {
		e := events(t, s, 1, func() {
			if w := wrong(); w.Counted || !w.Locked.Equal(locked) {
				t.Errorf("%+v", w)
			}
		})
		if e.Outcome != "declined" {
			t.Errorf("the event is %+v", e)
		}
	}
	right := func(n int) (w WrongString) {
		events(t, s, n, func() {
			var err error
			w, err = s.NoteRightString(t.Context(), phone(d.Name), d.ID, near, threeStrings)
			must(t, err)
		})
		return w
	}
	if w := right(0); !w.Locked.Equal(locked) || deviceNow(t, s, d.Name).WrongStrings != 0 {
		t.Errorf("the right string: %+v", w)
	}
	clock.move(time.Hour)
	wrong()
	for _, n := range []int{1, 0} {
		if w := right(n); !w.Locked.IsZero() || deviceNow(t, s, d.Name).WrongStrings != 0 {
			t.Errorf("after the lock: %+v", w)
		}
	}
	if w, err := s.NoteRightString(t.Context(), phone(d.Name), 999, near, threeStrings); !w.Locked.IsZero() || err != nil {
		t.Errorf("a device that is gone: %+v, %v", w, err)
	}
	_, err := s.NoteWrongString(t.Context(), phone(d.Name), 999, 1, near, threeStrings, status)
	wantErr(t, err, ErrNotFound)
	_, err = s.NoteWrongString(t.Context(), phone(d.Name), d.ID, d.Schedule, near, GuessLimits{}, "")
	must(t, err)
	if got := deviceNow(t, s, d.Name); got.Status != status || got.WrongStrings != 1 {
		t.Errorf("without a status: %+v", got)
	}
}

func TestNoteAuthenticated(t *testing.T) {
	t.Parallel()
	s, c := newStore(t)
	d := addDevice(t, s, "SEP000000000001")
	note := func(events_ int, certs []DeviceCertificate, sum []byte) Event {
		t.Helper()
		return events(t, s, events_, func() { must(t, s.NoteAuthenticated(t.Context(), phone(d.Name), d.ID, "", certs, sum)) })
	}
	held := func(want string) {
		t.Helper()
		if kind, _, err := s.HeldCertificate(t.Context(), d.ID); kind != want || err != nil {
			t.Errorf("it holds %q, %v, and should hold %q", kind, err, want)
		}
	}
	held("")
	note(0, nil, nil)
	_, err := s.NoteWrongString(t.Context(), phone(d.Name), d.ID, d.Schedule, near, threeStrings, Failed(Install, InvalidString))
	must(t, err)
	note(1, nil, nil)
	if got := deviceNow(t, s, d.Name); got.WrongStrings != 0 {
		t.Errorf("the device is %+v", got)
	}
	mic := []DeviceCertificate{{Kind: "mic", Certificate: []byte("mic")}}
	note(1, mic, nil)
	held("mic")
	c.move(time.Hour)
	note(0, mic, nil)
	seen, err := s.DeviceCertificates(t.Context(), d.ID)
	must(t, err)
	if len(seen) != 1 || seen[0].Kind != "mic" || string(seen[0].Certificate) != "mic" || !seen[0].SeenAt.Equal(start) {
		t.Errorf("kept: %v", seen)
	}
	l := issue(t, s, d)
	note(0, mic, []byte("another fingerprint"))
	e := note(1, mic, l.Fingerprint)
	if lscState(t, s, l) != LSCInstalled || e.Detail == "" || deviceNow(t, s, d.Name).Operation != Install {
		t.Errorf("the LSC is %s, the event %+v", lscState(t, s, l), e)
	}
	held("lsc")
	note(0, mic, l.Fingerprint)
	must(t, s.DeleteDevice(t.Context(), operator, d.Name))
	note(0, mic, l.Fingerprint)
}

// TestNoteAuthenticatedOvertaken: the phone lost the connection before it could
// confirm, made another key when it came back, and lost that one.
func TestNoteAuthenticatedOvertaken(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	d := addDevice(t, s, "SEP000000000001")
	has, lost := issue(t, s, d), issue(t, s, d)
	e := events(t, s, 1, func() { must(t, s.NoteAuthenticated(t.Context(), phone(d.Name), d.ID, "", nil, has.Fingerprint)) })
	if lscState(t, s, has) != LSCInstalled || lscState(t, s, lost) != LSCIssued || !strings.Contains(e.Detail, has.Serial) {
		t.Errorf("the LSCs are %s and %s, the event %+v", lscState(t, s, has), lscState(t, s, lost), e)
	}
	got, err := s.LSC(t.Context(), has.Serial)
	if err != nil || !got.EndedAt.IsZero() {
		t.Errorf("it has ended at %v, %v", got.EndedAt, err)
	}
	events(t, s, 0, func() { must(t, s.NoteAuthenticated(t.Context(), phone(d.Name), d.ID, "", nil, has.Fingerprint)) })
	n, err := s.DeleteStale(t.Context(), operator, nil)
	if err != nil || n != 0 {
		t.Errorf("%d stale LSCs have been deleted, %v", n, err)
	}
}

func TestMarkDeleted(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	d := addDevice(t, s, "SEP000000000001")
	installed := issue(t, s, d)
	must(t, s.MarkInstalled(t.Context(), phone(d.Name), installed.ID, d.Schedule))
	issued := issue(t, s, d)
	e := events(t, s, 1, func() { must(t, s.MarkDeleted(t.Context(), phone(d.Name), d.ID, d.Schedule)) })
	got := deviceNow(t, s, d.Name)
	if got.Operation != NoOperation || got.Status != "delete-success" || e.Action != "delete" {
		t.Errorf("the device is %+v, the event %+v", got, e)
	}
	if lscState(t, s, installed) != LSCDeleted || lscState(t, s, issued) != LSCDeleted {
		t.Error("the LSCs are not deleted")
	}
	schedule(t, s, d)
	must(t, s.MarkDeleted(t.Context(), phone(d.Name), d.ID, d.Schedule))
	if got := deviceNow(t, s, d.Name); got.Operation != Install || got.Status != StatusPending {
		t.Errorf("a newer operation has been cleared: %+v", got)
	}
	wantErr(t, s.MarkDeleted(t.Context(), phone(d.Name), 999, 1), ErrNotFound)
}

func TestMarkFetched(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	d := addDevice(t, s, "SEP000000000001")
	l := issue(t, s, d)
	certs := []DeviceCertificate{{Kind: "lsc", Certificate: l.Certificate}, {Kind: "mic", Certificate: []byte("mic")}}
	e := events(t, s, 1, func() { must(t, s.MarkFetched(t.Context(), phone(d.Name), d.ID, 1, certs)) })
	got := deviceNow(t, s, d.Name)
	if got.Operation != NoOperation || got.Status != "troubleshoot-success" || e.Action != "troubleshoot" || lscState(t, s, l) != LSCInstalled {
		t.Errorf("the device is %+v, the event %+v", got, e)
	}
	certs[1].Certificate = []byte("new")
	must(t, s.MarkFetched(t.Context(), phone(d.Name), d.ID, 7, certs))
	seen, err := s.DeviceCertificates(t.Context(), d.ID)
	must(t, err)
	if len(seen) != 2 || string(seen[1].Certificate) != "new" {
		t.Errorf("kept: %v", seen)
	}
	wantErr(t, s.MarkFetched(t.Context(), phone(d.Name), 999, 1, nil), ErrNotFound)
}

func TestForgetPossession(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	d := addDevice(t, s, "SEP000000000001")
	events(t, s, 1, func() {
		must(t, s.ForgetPossession(t.Context(), phone(d.Name), d.ID))
		must(t, s.ForgetPossession(t.Context(), phone(d.Name), d.ID))
	})
	if !deviceNow(t, s, d.Name).NoPossession {
		t.Error("it has not been noted")
	}
	wantErr(t, s.ForgetPossession(t.Context(), phone(d.Name), 999), ErrNotFound)
}

// TestNoteFailureAfterSuccess: two sessions of one phone; the second has brought
// the operation to its end when the first one breaks off.
func TestNoteFailureAfterSuccess(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	d := addDevice(t, s, "SEP000000000001")
	must(t, s.MarkInstalled(t.Context(), phone(d.Name), issue(t, s, d).ID, 1))
	f := Failure{DeviceID: d.ID, Schedule: 1, Status: Failed(Install, CommunicationFailure), Step: "key", Outcome: "timeout"}
	events(t, s, 1, func() { must(t, s.NoteFailure(t.Context(), phone(d.Name), f)) })
	if got := deviceNow(t, s, d.Name); got.Status != Succeeded(Install) || got.Operation != NoOperation {
		t.Errorf("the device is %s with the operation %s", got.Status, got.Operation)
	}
}
