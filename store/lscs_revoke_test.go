package store

import (
	"strings"
	"testing"
	"time"
)

// revoke revokes one LSC and returns what became of it.
func revoke(t *testing.T, s *Store, l LSC, reason RevocationReason) RevokedLSC {
	t.Helper()
	rows, err := s.RevokeLSCs(t.Context(), operator, []int64{l.ID}, reason)
	must(t, err)
	return rows[0]
}

func lscNow(t *testing.T, s *Store, l LSC) LSC {
	t.Helper()
	now, err := s.LSC(t.Context(), l.Serial)
	must(t, err)
	return now
}

// inStates makes a device with an LSC in each state.
func inStates(t *testing.T, s *Store) map[LSCState]LSC {
	t.Helper()
	d := addDevice(t, s, "SEP000000000001")
	made := map[LSCState]LSC{}
	step := func(state LSCState, then func(LSC)) {
		made[state] = issue(t, s, d)
		then(made[state])
	}
	install := func(l LSC) { must(t, s.MarkInstalled(t.Context(), phone(d.Name), l.ID, 99)) }
	step(LSCDeleted, func(l LSC) { install(l); must(t, s.MarkDeleted(t.Context(), phone(d.Name), d.ID, 99)) })
	step(LSCDiscarded, func(LSC) {})
	step(LSCReplaced, func(l LSC) {
		install(l)
		_, err := s.DeleteStale(t.Context(), operator, nil)
		must(t, err)
	})
	step(LSCInstalled, install)
	step(LSCStale, func(LSC) {})
	step(LSCIssued, func(LSC) {})
	for state, l := range made {
		if got := lscState(t, s, l); got != state {
			t.Fatalf("the LSC that was to be %s is %s", state, got)
		}
	}
	return made
}

// sound fails the test when the database contradicts itself.
func sound(t *testing.T, s *Store) {
	t.Helper()
	for _, c := range all(t, s.Contradictions(t.Context())) {
		t.Errorf("%s: %s", c.Object, c.Text)
	}
}

// TestRevoke revokes an LSC in each state, for good and as a hold that is
// released again.
func TestRevoke(t *testing.T) {
	t.Parallel()
	s, c := newStore(t)
	for state, l := range inStates(t, s) {
		c.move(time.Minute)
		e := events(t, s, 1, func() {
			if r := revoke(t, s, l, CertificateHold); !r.Changed || r.State != LSCRevoked || !r.RevokedAt.Equal(c.now()) {
				t.Errorf("%s: %+v", state, r)
			}
		})
		if e.Action != "lsc-revoke" || e.Device != l.Device || !strings.Contains(e.Detail, l.Serial+", which was "+string(state)) {
			t.Errorf("%s: the event is %+v", state, e)
		}
		held := lscNow(t, s, l)
		if held.State != LSCRevoked || held.Reason != CertificateHold || !held.RevokedAt.Equal(c.now()) || held.State.Authenticates() {
			t.Errorf("%s: %+v", state, held)
		}
		sound(t, s)
		events(t, s, 0, func() {
			if r := revoke(t, s, l, CertificateHold); r.Changed {
				t.Errorf("%s: revoked twice", state)
			}
		})
		c.move(time.Minute)
		want := state
		if state == LSCIssued {
			want = LSCStale
		}
		events(t, s, 1, func() {
			if got, err := s.ReleaseLSC(t.Context(), operator, l.ID); err != nil || got.State != want {
				t.Errorf("%s: released, it is %s: %v", state, got.State, err)
			}
		})
		if got := lscNow(t, s, l); got.State != want || got.Reason != "" || !got.RevokedAt.IsZero() {
			t.Errorf("%s: released, it is %+v", state, got)
		}
		sound(t, s)
		_, err := s.ReleaseLSC(t.Context(), operator, l.ID)
		wantErr(t, err, ErrConflict)

		revoke(t, s, l, CertificateHold)
		since := c.now()
		c.move(time.Minute)
		if r := revoke(t, s, l, PrivilegeWithdrawn); !r.Changed || !r.RevokedAt.Equal(since) {
			t.Errorf("%s: a hold that became another reason: %+v", state, r)
		}
		_, err = s.ReleaseLSC(t.Context(), operator, l.ID)
		wantErr(t, err, ErrConflict)
		if r := revoke(t, s, l, Unspecified); r.Changed || r.Reason != PrivilegeWithdrawn {
			t.Errorf("%s: the reason became a milder one: %+v", state, r)
		}
		if r := revoke(t, s, l, CertificateHold); r.Changed {
			t.Errorf("%s: a revocation for good became a hold", state)
		}
		if r := revoke(t, s, l, KeyCompromise); !r.Changed || lscNow(t, s, l).Reason != KeyCompromise {
			t.Errorf("%s: %+v", state, r)
		}
		sound(t, s)
	}
	_, err := s.RevokeLSCs(t.Context(), operator, []int64{999}, Unspecified)
	wantErr(t, err, ErrNotFound)
	_, err = s.ReleaseLSC(t.Context(), operator, 999)
	wantErr(t, err, ErrNotFound)
}

// TestRevokedStays: nothing that a phone does brings a revoked LSC back.
func TestRevokedStays(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	d := addDevice(t, s, "SEP000000000001")
	l := issue(t, s, d)
	revoke(t, s, l, Unspecified)
	wantErr(t, s.MarkInstalled(t.Context(), phone(d.Name), l.ID, 1), ErrConflict)
	wantErr(t, s.MarkRefused(t.Context(), phone(d.Name), l.ID, Failure{DeviceID: d.ID}), ErrConflict)
	must(t, s.NoteAuthenticated(t.Context(), phone(d.Name), d.ID, "", nil, l.Fingerprint))
	must(t, s.MarkFetched(t.Context(), phone(d.Name), d.ID, 9, []DeviceCertificate{{Kind: "lsc", Certificate: l.Certificate}}))
	must(t, s.MarkDeleted(t.Context(), phone(d.Name), d.ID, 9))
	other := issue(t, s, d)
	must(t, s.MarkInstalled(t.Context(), phone(d.Name), other.ID, 1))
	_, err := s.DeleteStale(t.Context(), operator, []string{l.Serial})
	wantErr(t, err, ErrConflict)
	must(t, s.DeleteDevice(t.Context(), operator, d.Name))
	addDevice(t, s, d.Name)
	if got := lscState(t, s, l); got != LSCRevoked {
		t.Errorf("it is %s", got)
	}
	sound(t, s)
}

// TestHeldMeanwhile: what happens to an LSC while it is held shows when it is
// released.
func TestHeldMeanwhile(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		meanwhile func(*testing.T, *Store, Device)
		want      LSCState
	}{
		"nothing": {func(*testing.T, *Store, Device) {}, LSCInstalled},
		"replaced": {func(t *testing.T, s *Store, d Device) {
			must(t, s.MarkInstalled(t.Context(), phone(d.Name), issue(t, s, d).ID, 9))
		}, LSCReplaced},
		"deleted":   {func(t *testing.T, s *Store, d Device) { must(t, s.MarkDeleted(t.Context(), phone(d.Name), d.ID, 9)) }, LSCDeleted},
		"overtaken": {func(t *testing.T, s *Store, d Device) { issue(t, s, d) }, LSCInstalled},
	} {
		s, _ := newStore(t)
		d := addDevice(t, s, "SEP000000000001")
		l := issue(t, s, d)
		must(t, s.MarkInstalled(t.Context(), phone(d.Name), l.ID, 9))
		revoke(t, s, l, CertificateHold)
		test.meanwhile(t, s, d)
		sound(t, s)
		if got, err := s.ReleaseLSC(t.Context(), operator, l.ID); err != nil || got.State != test.want {
			t.Errorf("%s: it is %s, not %s: %v", name, got.State, test.want, err)
		}
		sound(t, s)
	}
}

// TestRevokedVoucher: who authenticated with an LSC that is revoked meanwhile
// gets nothing for it, neither at once nor from an issuer that answers later.
func TestRevokedVoucher(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	d := addDevice(t, s, "SEP000000000001")
	l := issue(t, s, d)
	must(t, s.MarkInstalled(t.Context(), phone(d.Name), l.ID, 9))
	vouched := func() Request {
		r := request(d)
		r.Voucher = Voucher{VouchedByLSC, l.Fingerprint}
		return r
	}
	e := events(t, s, 1, func() {
		_, err := s.IssueLSC(t.Context(), phone(d.Name), NewLSC{Request: vouched(), LSC: certificate()})
		must(t, err)
	})
	if !strings.Contains(e.Detail, ", vouched for by lsc with SHA-256 ") {
		t.Errorf("the event is %+v", e)
	}
	waiting, err := s.SubmitRequest(t.Context(), phone(d.Name), vouched())
	must(t, err)
	if got, err := s.Request(t.Context(), waiting.ID); err != nil || got.Voucher.String() != waiting.Voucher.String() || got.Voucher.Kind != VouchedByLSC {
		t.Errorf("kept: %+v, %v", got.Voucher, err)
	}
	revoke(t, s, l, KeyCompromise)
	if got, err := s.Request(t.Context(), waiting.ID); err != nil || got.State != RequestSuperseded || !strings.Contains(got.Reason, l.Serial) {
		t.Errorf("the request is %+v, %v", got, err)
	}
	imported, done := certificate(), false
	kept, err := s.ImportLSCs(t.Context(), operator, func() (ImportedLSC, bool, error) {
		done = !done
		return ImportedLSC{waiting.ID, imported}, done, nil
	})
	if err != nil || kept.Stale != 1 {
		t.Errorf("imported: %+v, %v", kept, err)
	}
	if late, err := s.LSCOfRequest(t.Context(), waiting.ID); err != nil || late.State != LSCRevoked || late.Reason != KeyCompromise {
		t.Errorf("what came late is %s (%s), %v", late.State, late.Reason, err)
	}
	_, err = s.IssueLSC(t.Context(), phone(d.Name), NewLSC{Request: vouched(), LSC: certificate()})
	wantErr(t, err, ErrConflict)
	_, err = s.SubmitRequest(t.Context(), phone(d.Name), vouched())
	wantErr(t, err, ErrConflict)
	sound(t, s)
}

// TestDiscarded: a stale LSC that has been deleted is known until it has run
// out, is in no list, and can be revoked.
func TestDiscarded(t *testing.T) {
	t.Parallel()
	s, c := newStore(t)
	d := addDevice(t, s, "SEP000000000001")
	gone, revoked, _ := issue(t, s, d), issue(t, s, d), issue(t, s, d)
	if n, err := s.DeleteStale(t.Context(), operator, []string{gone.Serial}); err != nil || n != 1 {
		t.Errorf("by serial: %d, %v", n, err)
	}
	if n, err := s.DeleteStaleBefore(t.Context(), operator, start.Add(time.Hour)); err != nil || n != 1 {
		t.Errorf("by age: %d, %v", n, err)
	}
	for _, f := range []LSCFilter{{}, {Device: d.Name}, {Serial: gone.Serial}, {State: LSCStale}} {
		for _, l := range all(t, s.LSCs(t.Context(), f)) {
			if l.ID == gone.ID || l.ID == revoked.ID {
				t.Errorf("%+v lists it", f)
			}
		}
	}
	if got, err := s.LSCBySerial(t.Context(), gone.Issuer, gone.Serial); err != nil || got.State != LSCDiscarded || got.State.Authenticates() ||
		string(got.Fingerprint) != string(gone.Fingerprint) || len(got.Certificate) != 0 || got.RequestID != 0 {
		t.Errorf("the record has %+v, %v", got, err)
	}
	if n, err := s.DeleteRequestsBefore(t.Context(), operator, start.Add(time.Hour)); err != nil || n != 2 {
		t.Errorf("%d requests were deleted, %v", n, err)
	}
	_, err := s.DeleteStale(t.Context(), operator, []string{gone.Serial})
	wantErr(t, err, ErrNotFound)
	revoke(t, s, revoked, Unspecified)
	sound(t, s)
	listed := all(t, s.LSCs(t.Context(), LSCFilter{State: LSCRevoked}))
	if len(listed) != 1 || listed[0].ID != revoked.ID {
		t.Errorf("revoked ones are %+v", listed)
	}
	c.move(6 * 365 * 24 * time.Hour)
	if n, err := s.DeleteStale(t.Context(), operator, nil); err != nil || n != 0 {
		t.Errorf("%d, %v", n, err)
	}
	_, err = s.LSCBySerial(t.Context(), gone.Issuer, gone.Serial)
	wantErr(t, err, ErrNotFound)
	if _, err = s.LSCBySerial(t.Context(), revoked.Issuer, revoked.Serial); err != nil {
		t.Errorf("the revoked one has gone: %v", err)
	}
}
