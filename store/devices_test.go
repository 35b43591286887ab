package store

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"
)

func TestDevice(t *testing.T) {
	t.Parallel()
	s, c := newStore(t)
	want := device("SEP00000000000A")
	want.Description, want.Model, want.Pool = "Über", "CP-8861", "west"
	want.SealedString, want.CompletesBy, want.LockedUntil = []byte("sealed"), start.Add(time.Hour), start.Add(time.Minute)
	want.WrongStrings, want.NoPossession = 3, true
	var added Device
	e := events(t, s, 1, func() {
		var err error
		added, err = s.AddDevice(t.Context(), operator, want)
		must(t, err)
	})
	if e.Action != "device-add" || e.Device != want.Name || e.Actor != operator || !e.At.Equal(start) || e.Outcome != "ok" {
		t.Errorf("the event is %+v", e)
	}
	want.ID, want.Schedule, want.CreatedAt, want.UpdatedAt = added.ID, added.Schedule, start, start
	got := deviceNow(t, s, "sep00000000000a")
	if fmt.Sprint(got) != fmt.Sprint(want) || fmt.Sprint(added) != fmt.Sprint(want) {
		t.Errorf("got\n%v and\n%v, want\n%v", got, added, want)
	}
	_, err := s.AddDevice(t.Context(), operator, device("sep00000000000A"))
	wantErr(t, err, ErrConflict)
	_, err = s.Device(t.Context(), "SEP00000000000B")
	wantErr(t, err, ErrNotFound)

	c.move(time.Minute)
	e = events(t, s, 1, func() {
		got, err = s.ChangeDevice(t.Context(), operator, "SEP00000000000a", EventText{Action: "device-set", Detail: "pool"}, func(d *Device) error {
			d.Pool, d.Name, d.ID = "east", "ignored", 99
			return nil
		})
		must(t, err)
	})
	want.Pool, want.UpdatedAt = "east", start.Add(time.Minute)
	if fmt.Sprint(got) != fmt.Sprint(want) || fmt.Sprint(deviceNow(t, s, want.Name)) != fmt.Sprint(want) {
		t.Errorf("got\n%v, want\n%v", got, want)
	}
	if e.Action != "device-set" || e.Detail != "pool" || e.Device != want.Name {
		t.Errorf("the event is %+v", e)
	}
}

func TestChangeDeviceWritesNothing(t *testing.T) {
	t.Parallel()
	s, c := newStore(t)
	d := addDevice(t, s, "SEP000000000001")
	c.move(time.Hour)
	refused := errors.New("refused")
	events(t, s, 0, func() {
		_, err := s.ChangeDevice(t.Context(), operator, d.Name, EventText{Action: "device-set"}, func(*Device) error { return nil })
		must(t, err)
		_, err = s.ChangeDevice(t.Context(), operator, d.Name, EventText{Action: "device-set"}, func(d *Device) error {
			d.Pool = "east"
			return refused
		})
		if err != refused {
			t.Errorf("got %v, want the very error", err)
		}
		_, err = s.ChangeDevice(t.Context(), operator, "SEP000000000002", EventText{Action: "device-set"}, func(*Device) error { return nil })
		wantErr(t, err, ErrNotFound)
		_, err = s.ChangeDevice(t.Context(), operator, d.Name, EventText{Action: "device-set"}, func(d *Device) error {
			d.Status = "pending none"
			return nil
		})
		if err == nil || errors.Is(err, ErrConflict) {
			t.Errorf("a status that there is not: %v", err)
		}
	})
	if got := deviceNow(t, s, d.Name); fmt.Sprint(got) != fmt.Sprint(d) {
		t.Errorf("got %v, want %v", got, d)
	}
}

func TestDeleteDevice(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	d, other := addDevice(t, s, "SEP000000000001"), addDevice(t, s, "SEP000000000002")
	installed := issue(t, s, d)
	must(t, s.MarkInstalled(t.Context(), phone(d.Name), installed.ID, d.Schedule))
	issued := issue(t, s, d)
	kept := issue(t, s, other)
	pending, err := s.SubmitRequest(t.Context(), phone(other.Name), request(other))
	must(t, err)
	if got := lscState(t, s, kept); got != LSCStale {
		t.Errorf("an overtaken LSC is %s", got)
	}
	e := events(t, s, 2, func() {
		must(t, s.DeleteDevice(t.Context(), operator, "sep000000000001"))
		must(t, s.DeleteDevice(t.Context(), operator, other.Name))
	})
	if e.Action != "device-delete" || e.Device != other.Name {
		t.Errorf("the event is %+v", e)
	}
	wantErr(t, s.DeleteDevice(t.Context(), operator, d.Name), ErrNotFound)
	if lscState(t, s, issued) != LSCStale || lscState(t, s, installed) != LSCInstalled || requestState(t, s, pending.ID) != RequestSuperseded {
		t.Error("the states after the deletion are wrong")
	}
	wantErr(t, s.MarkInstalled(t.Context(), phone(d.Name), issued.ID, d.Schedule), ErrConflict)
	left := all(t, s.LSCs(t.Context(), LSCFilter{Device: "sep00000000000*"}))
	if len(left) != 3 || left[0].DeviceID != 0 || left[0].Device != d.Name {
		t.Errorf("what is left: %v", left)
	}

	again := addDevice(t, s, d.Name)
	if again.ID == d.ID || again.ID == other.ID || again.Schedule <= d.Schedule {
		t.Errorf("an id or a schedule has been used again: %d, %d", again.ID, again.Schedule)
	}
	if got := all(t, s.LSCs(t.Context(), LSCFilter{Device: d.Name})); len(got) != 2 || got[0].DeviceID != 0 || got[1].DeviceID != 0 {
		t.Errorf("a device has got what is left of its namesake: %v", got)
	}
	if got := all(t, s.LSCs(t.Context(), LSCFilter{DeviceID: again.ID})); len(got) != 0 {
		t.Errorf("a new device has %v", got)
	}
	// The session with the old one is still open, and its phone confirms.
	for _, l := range []LSC{installed, issued} {
		wantErr(t, s.MarkInstalled(t.Context(), phone(d.Name), l.ID, d.Schedule), ErrConflict)
	}
	if got := deviceNow(t, s, d.Name); got.Operation != Install || got.Status != StatusPending {
		t.Errorf("the old session has changed the new device: %+v", got)
	}
	if n, err := s.CountRequests(t.Context(), RequestFilter{Device: d.Name}); n != 2 || err != nil {
		t.Errorf("%d requests, %v", n, err)
	}
}

func TestDevices(t *testing.T) {
	t.Parallel()
	s, c := newStore(t)
	for name, change := range map[string]func(*Device){
		"SEP00000000000B": func(d *Device) { d.Pool, d.Model = "west", "CP-8861" },
		"sep00000000000a": func(d *Device) { d.Status = Failed(Install, Late) },
		"CSF_one":         func(d *Device) { d.Operation, d.Status = NoOperation, Failed(Delete, NoCause) },
		"CSFxone":         func(d *Device) { d.Operation, d.AuthMode, d.Status = Delete, ByString, StatusPending },
		"ATA1":            func(d *Device) { d.Operation, d.CompletesBy = Troubleshoot, start.Add(time.Hour) },
	} {
		d := device(name)
		change(&d)
		_, err := s.AddDevice(t.Context(), operator, d)
		must(t, err)
	}
	c.move(2 * time.Hour)
	for _, test := range []struct {
		filter DeviceFilter
		want   []string
	}{
		{DeviceFilter{}, []string{"ATA1", "CSF_one", "CSFxone", "sep00000000000a", "SEP00000000000B"}},
		{DeviceFilter{Name: "sep*"}, []string{"sep00000000000a", "SEP00000000000B"}},
		{DeviceFilter{Name: "*B"}, []string{"SEP00000000000B"}},
		{DeviceFilter{Name: "SEP?0000000000b"}, []string{"SEP00000000000B"}},
		{DeviceFilter{Name: "csf_*"}, []string{"CSF_one"}},
		{DeviceFilter{Name: "csf?one"}, []string{"CSF_one", "CSFxone"}},
		{DeviceFilter{Name: "%"}, nil},
		{DeviceFilter{Name: "ata1"}, []string{"ATA1"}},
		{DeviceFilter{Pool: "west", Model: "CP-8861"}, []string{"SEP00000000000B"}},
		{DeviceFilter{Operation: Install}, []string{"sep00000000000a", "SEP00000000000B"}},
		{DeviceFilter{Operation: NoOperation}, []string{"CSF_one"}},
		{DeviceFilter{Status: Failed(Install, Late)}, []string{"sep00000000000a"}},
		{DeviceFilter{Status: StatusPending, Operation: Delete}, []string{"CSFxone"}},
		{DeviceFilter{AuthMode: ByString}, []string{"CSFxone"}},
		{DeviceFilter{Failed: true}, []string{"CSF_one", "sep00000000000a"}},
		{DeviceFilter{Late: true}, []string{"ATA1"}},
	} {
		var got []string
		for _, d := range all(t, s.Devices(t.Context(), test.filter)) {
			got = append(got, d.Name)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%+v: %v, want %v", test.filter, got, test.want)
		}
	}
	n, err := s.DeviceCounts(t.Context())
	must(t, err)
	want := DeviceCounts{Total: 5, Failed: 2, Late: 1, ByOperation: map[Operation]int64{NoOperation: 1, Install: 2, Delete: 1, Troubleshoot: 1}}
	if fmt.Sprint(n) != fmt.Sprint(want) {
		t.Errorf("the counts are %v, want %v", n, want)
	}
}

// TestStreamHoldsNoLock changes the rows of a list while it is read.
func TestStreamHoldsNoLock(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	for i := range 20 {
		addDevice(t, s, fmt.Sprintf("SEP%012d", i))
	}
	seen := 0
	for d, err := range s.Devices(t.Context(), DeviceFilter{}) {
		must(t, err)
		must(t, s.DeleteDevice(t.Context(), operator, d.Name))
		seen++
	}
	if seen != 20 {
		t.Errorf("%d devices were seen", seen)
	}
	for range s.Devices(t.Context(), DeviceFilter{}) {
		t.Error("a device is left")
	}
}
