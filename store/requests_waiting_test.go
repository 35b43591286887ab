package store

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

func submit(t testing.TB, s *Store, d Device) Request {
	t.Helper()
	r, err := s.SubmitRequest(t.Context(), phone(d.Name), request(d))
	must(t, err)
	return r
}

// inTurn hands out certificates to ImportLSCs.
func inTurn(list ...ImportedLSC) func() (ImportedLSC, bool, error) {
	return func() (ImportedLSC, bool, error) {
		if len(list) == 0 {
			return ImportedLSC{}, false, nil
		}
		one := list[0]
		list = list[1:]
		return one, true, nil
	}
}

func imported(r Request) ImportedLSC { return ImportedLSC{RequestID: r.ID, LSC: certificate()} }

// bring imports a certificate for the request.
func bring(t testing.TB, s *Store, r Request) LSC {
	t.Helper()
	_, err := s.ImportLSCs(t.Context(), operator, inTurn(imported(r)))
	must(t, err)
	l, err := s.LSCOfRequest(t.Context(), r.ID)
	must(t, err)
	return l
}

// reject keeps a request that cannot be sent to the online CA.
func reject(t testing.TB, s *Store, d Device) Request {
	t.Helper()
	r, err := s.RejectUnproven(t.Context(), phone(d.Name), request(d))
	must(t, err)
	return r
}

func TestWaiting(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	d := addDevice(t, s, "SEP000000000001")
	old, pending := submit(t, s, d), submit(t, s, d)
	gone := submit(t, s, addDevice(t, s, "SEP000000000002"))
	must(t, s.DeleteDevice(t.Context(), operator, gone.Device))
	rejected := reject(t, s, addDevice(t, s, "SEP000000000003"))
	issued := submit(t, s, addDevice(t, s, "SEP000000000004"))
	bring(t, s, issued)

	ids, err := s.WaitingRequests(t.Context())
	must(t, err)
	if len(ids) != 1 || ids[pending.ID].RequestID != pending.ID {
		t.Errorf("the requests %v wait", ids)
	}
	for id, want := range map[int64]bool{pending.ID: true, old.ID: false, gone.ID: false, rejected.ID: false, issued.ID: false, 999: false} {
		w, err := s.Waiting(t.Context(), id)
		if !want {
			wantErr(t, err, ErrNotFound)
		} else if must(t, err); w.RequestID != id || !w.CompletesBy.IsZero() {
			t.Errorf("request %d waits as %+v", id, w)
		}
	}
}

// TestWaitingOutdated: what waits, waits for the operation that is scheduled
// now, and until the time that is set now, whoever has changed it.
func TestWaitingOutdated(t *testing.T) {
	t.Parallel()
	anew := func(d *Device) { d.Schedule++ }
	later := start.Add(48 * time.Hour)
	for name, change := range map[string]func(*testing.T, *Store, Device, func(*Device)){
		"one": func(t *testing.T, s *Store, d Device, edit func(*Device)) {
			_, err := s.ChangeDevice(t.Context(), operator, d.Name, EventText{Action: "device-set"}, func(d *Device) error { edit(d); return nil })
			must(t, err)
		},
		"put": func(t *testing.T, s *Store, d Device, edit func(*Device)) {
			names := []string{d.Name}
			_, err := s.UpsertDevices(t.Context(), operator, Upsert{
				Action: "bulk-insert",
				Next: func() (string, bool) {
					if len(names) == 0 {
						return "", false
					}
					names = nil
					return d.Name, true
				},
				Want:  func(have *Selected) (Device, error) { d := have.Device; edit(&d); return d, nil },
				Ready: func(UpsertTally) error { return nil },
			})
			must(t, err)
		},
		"job": func(t *testing.T, s *Store, d Device, edit func(*Device)) {
			j := newJob(t, s, start, "a", false)
			b := bump(nil)
			b.Change = func(v *Selected) error { edit(&v.Device); return nil }
			_, err := s.UpdateByJob(t.Context(), operator, j.ID, "a", Selection{DeviceFilter: DeviceFilter{Name: d.Name}}, b)
			must(t, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := newStore(t)
			d := addDevice(t, s, "SEP000000000001")
			r := submit(t, s, d)
			other := submit(t, s, addDevice(t, s, "SEP000000000002"))
			change(t, s, d, func(d *Device) { d.CompletesBy = later })
			if w, err := s.Waiting(t.Context(), r.ID); err != nil || !w.CompletesBy.Equal(later) {
				t.Errorf("with another time it waits as %+v, %v", w, err)
			}
			change(t, s, d, anew)
			if r, err := s.Request(t.Context(), r.ID); err != nil || r.State != RequestSuperseded || r.Reason == "" {
				t.Errorf("with another operation the request is %s (%s), %v", r.State, r.Reason, err)
			}
			if requestState(t, s, other.ID) != RequestPending {
				t.Error("another device's request does not wait any more")
			}
			if l := bring(t, s, r); l.State != LSCStale {
				t.Errorf("an LSC that comes for it is %s", l.State)
			}
			checkIntegrity(t, s.Path())
		})
	}
}

func TestRequestByKey(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	a, b := addDevice(t, s, "SEP00000000000A"), addDevice(t, s, "SEP00000000000B")
	shared := request(a)
	var mine []Request
	for _, d := range []Device{a, b, a} {
		r := shared
		if d.ID == b.ID {
			r = request(b)
		}
		r, err := s.SubmitRequest(t.Context(), phone(d.Name), r)
		must(t, err)
		mine = append(mine, r)
	}
	stolen := shared
	stolen.DeviceID, stolen.Schedule = b.ID, b.Schedule
	var taken *KeyTaken
	if _, err := s.SubmitRequest(t.Context(), phone(b.Name), stolen); !errors.As(err, &taken) || taken.Device != a.Name {
		t.Errorf("the key of another device: %v", err)
	}
	// As an older schema has let them.
	sqlIn(t, s.Path(), fmt.Sprintf("UPDATE requests SET key_hash = x'%x'", shared.KeyHash))
	for name, want := range map[string]Request{
		"SEP00000000000A": mine[2], "sep00000000000b": mine[1], "CP-8861-SEP00000000000B": mine[1],
		"CP-8861-SEP00000000000A": mine[2], "SEP00000000000C": mine[2], "": mine[2], "SEP00000000000B-": mine[2],
	} {
		got, err := s.RequestByKey(t.Context(), shared.KeyHash, name)
		must(t, err)
		if got.ID != want.ID {
			t.Errorf("%q: request %d of %s, not %d", name, got.ID, got.Device, want.ID)
		}
	}
	_, err := s.RequestByKey(t.Context(), make([]byte, 32), a.Name)
	wantErr(t, err, ErrNotFound)
}

func TestLSCOfRequest(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	r := submit(t, s, addDevice(t, s, "SEP000000000001"))
	_, err := s.LSCOfRequest(t.Context(), r.ID)
	wantErr(t, err, ErrNotFound)
	l := bring(t, s, r)
	got, err := s.LSCOfRequest(t.Context(), r.ID)
	must(t, err)
	if got.ID != l.ID {
		t.Errorf("the LSC is %d, not %d", got.ID, l.ID)
	}
	got, err = s.LSCBySerial(t.Context(), l.Issuer, "00:"+l.Serial)
	must(t, err)
	if got.ID != l.ID {
		t.Errorf("the LSC of the serial is %d, not %d", got.ID, l.ID)
	}
	_, err = s.LSCBySerial(t.Context(), "CN=Another", l.Serial)
	wantErr(t, err, ErrNotFound)
}

func TestImportLSCs(t *testing.T) {
	t.Parallel()
	s, c := newStore(t)
	d := addDevice(t, s, "SEP000000000001")
	old, pending := submit(t, s, d), submit(t, s, d)
	left := submit(t, s, addDevice(t, s, "SEP000000000002"))
	must(t, s.DeleteDevice(t.Context(), operator, left.Device))
	c.move(1)
	list := []ImportedLSC{imported(old), imported(pending), imported(left)}
	var kept Kept
	var err error
	last := events(t, s, 3, func() {
		kept, err = s.ImportLSCs(t.Context(), operator, inTurn(list...))
		must(t, err)
	})
	if kept != (Kept{Issued: 1, Stale: 2}) {
		t.Errorf("kept %+v", kept)
	}
	if last.Action != "offline-import" || last.Device != left.Device || last.Actor != operator || last.Detail != "serial "+list[2].LSC.Serial+", stale: the request is superseded" {
		t.Errorf("the event is %+v", last)
	}
	for i, want := range []struct {
		request RequestState
		lsc     LSCState
	}{{RequestSuperseded, LSCStale}, {RequestIssued, LSCIssued}, {RequestSuperseded, LSCStale}} {
		id := list[i].RequestID
		l, err := s.LSCOfRequest(t.Context(), id)
		must(t, err)
		if got := requestState(t, s, id); got != want.request || l.State != want.lsc || l.EndedAt.IsZero() == (l.State == LSCStale) {
			t.Errorf("request %d is %s, its LSC %s since %v", id, got, l.State, l.EndedAt)
		}
	}
	// The phone goes on from here.
	l, err := s.LSCOfRequest(t.Context(), pending.ID)
	must(t, err)
	must(t, s.MarkInstalled(t.Context(), phone(d.Name), l.ID, d.Schedule))
	if got := deviceNow(t, s, d.Name); got.Operation != NoOperation {
		t.Errorf("the operation is %s", got.Operation)
	}
}

// TestImportIsAtomic: when one certificate cannot be kept, none is.
func TestImportIsAtomic(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	good := submit(t, s, addDevice(t, s, "SEP000000000001"))
	issued := submit(t, s, addDevice(t, s, "SEP000000000002"))
	taken := bring(t, s, issued)
	rejected := reject(t, s, addDevice(t, s, "SEP000000000003"))
	serial := imported(submit(t, s, addDevice(t, s, "SEP000000000004")))
	serial.LSC.Serial = taken.Serial
	broken := errors.New("the file is gone")
	for name, test := range map[string]struct {
		second func() (ImportedLSC, bool, error)
		want   error
	}{
		"issued":   {inTurn(imported(issued)), ErrConflict},
		"rejected": {inTurn(imported(rejected)), ErrConflict},
		"deleted":  {inTurn(ImportedLSC{RequestID: 999, LSC: certificate()}), ErrNotFound},
		"twice":    {inTurn(imported(good)), ErrConflict},
		"serial":   {inTurn(serial), ErrConflict},
		"broken":   {func() (ImportedLSC, bool, error) { return ImportedLSC{}, false, broken }, broken},
	} {
		first := true
		events(t, s, 0, func() {
			kept, err := s.ImportLSCs(t.Context(), operator, func() (ImportedLSC, bool, error) {
				if first {
					first = false
					return imported(good), true, nil
				}
				return test.second()
			})
			if !errors.Is(err, test.want) || kept != (Kept{}) {
				t.Errorf("%s: %v, %+v", name, err, kept)
			}
		})
		if got := requestState(t, s, good.ID); got != RequestPending {
			t.Errorf("%s: the good request is %s", name, got)
		}
		_, err := s.LSCOfRequest(t.Context(), good.ID)
		wantErr(t, err, ErrNotFound)
	}
}
