package store

import (
	"testing"
	"time"
)

// TestEarlierSession: nothing that the earlier one of two sessions of a device
// brings, to whichever process, ends what the later one has brought, nor is how
// it fares how the operation fares.
func TestEarlierSession(t *testing.T) {
	t.Parallel()
	one, c := newStore(t)
	two, err := Open(t.Context(), one.Path(), Options{Now: c.now})
	must(t, err)
	defer two.Close()
	d := addDevice(t, one, "SEP000000000001")
	other := addDevice(t, one, "SEP000000000002")
	of := func(s *Store, d Device) Request {
		t.Helper()
		r := request(d)
		r.Session, err = s.BeginInstall(t.Context(), d)
		must(t, err)
		return r
	}
	status := func() Status {
		t.Helper()
		d, err := one.Device(t.Context(), d.Name)
		must(t, err)
		return d.Status
	}
	events(t, one, 0, func() { of(one, d) })
	earlier, later := of(one, d), of(two, d)
	later.Issuer = "offline-ca"
	c.move(-time.Hour) // a clock is no order
	must(t, one.NoteFailure(t.Context(), phone(d.Name), Failure{DeviceID: d.ID, Schedule: d.Schedule, Session: earlier.Session, Status: Failed(Install, CommunicationFailure)}))
	if s := status(); s != Failed(Install, CommunicationFailure) {
		t.Errorf("before the later one has sent anything, the status is %q", s)
	}
	later, err = two.SubmitRequest(t.Context(), phone(d.Name), later)
	must(t, err)
	events(t, one, 0, func() {
		_, err := one.SubmitRequest(t.Context(), phone(d.Name), earlier)
		wantErr(t, err, ErrOvertaken)
		_, err = one.RejectUnproven(t.Context(), phone(d.Name), earlier)
		wantErr(t, err, ErrOvertaken)
		_, err = one.IssueLSC(t.Context(), phone(d.Name), NewLSC{Request: earlier, LSC: certificate()})
		wantErr(t, err, ErrOvertaken)
	})
	must(t, one.NoteFailure(t.Context(), phone(d.Name), Failure{DeviceID: d.ID, Schedule: d.Schedule, Session: earlier.Session, Status: Failed(Install, KeyGenerationFailed)}))
	if s := status(); s != Failed(Install, CommunicationFailure) {
		t.Errorf("the earlier one has set the status to %q", s)
	}
	if got := requestState(t, one, later.ID); got != RequestPending {
		t.Errorf("the later request is %s", got)
	}
	_, err = one.SubmitRequest(t.Context(), phone(other.Name), of(one, other)) // each device counts for itself
	must(t, err)
	latest := of(one, d)
	_, err = one.IssueLSC(t.Context(), phone(d.Name), NewLSC{Request: latest, LSC: certificate()})
	must(t, err)
	if got := requestState(t, one, later.ID); got != RequestSuperseded {
		t.Errorf("when a third session has got its LSC, the request is %s", got)
	}
	must(t, one.DeleteDevice(t.Context(), operator, d.Name))
	_, err = one.BeginInstall(t.Context(), d)
	wantErr(t, err, ErrConflict)
}
