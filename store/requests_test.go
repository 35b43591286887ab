package store

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestSubmitRequest(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	d := addDevice(t, s, "SEP000000000001")
	r := request(d)
	r.Issuer, r.KeyKind = "offline-ca", "rsa-3072"
	var err error
	e := events(t, s, 1, func() {
		r, err = s.SubmitRequest(t.Context(), phone(d.Name), r)
		must(t, err)
	})
	if e.Action != "enroll" || e.Step != "submit" || r.State != RequestPending || r.ID == 0 || !r.CreatedAt.Equal(start) {
		t.Errorf("the event is %+v, the request %+v", e, r)
	}
	var l LSC
	e = events(t, s, 1, func() { l = bring(t, s, r) })
	if e.Action != "offline-import" || e.Device != d.Name || e.Actor != operator {
		t.Errorf("the event is %+v", e)
	}
	if l.State != LSCIssued || l.RequestID != r.ID || l.DeviceID != d.ID || l.Device != d.Name || l.KeyKind != "rsa-3072" {
		t.Errorf("the LSC is %+v", l)
	}
	if got := requestState(t, s, r.ID); got != RequestIssued {
		t.Errorf("the request is %s", got)
	}
	submit(t, s, d)
	if got := lscState(t, s, l); got != LSCStale {
		t.Errorf("the overtaken LSC is %s", got)
	}
}

func TestRequests(t *testing.T) {
	t.Parallel()
	s, c := newStore(t)
	a, b := addDevice(t, s, "SEP00000000000A"), addDevice(t, s, "SEP00000000000B")
	issue(t, s, a)
	c.move(time.Minute)
	_, err := s.SubmitRequest(t.Context(), phone(a.Name), request(a))
	must(t, err)
	c.move(time.Minute)
	_, err = s.SubmitRequest(t.Context(), phone(b.Name), request(b))
	must(t, err)
	for _, test := range []struct {
		filter RequestFilter
		want   []int64
	}{
		{RequestFilter{}, []int64{1, 2, 3}},
		{RequestFilter{Device: "sep00000000000a"}, []int64{1, 2}},
		{RequestFilter{Device: "sep*b"}, []int64{3}},
		{RequestFilter{State: RequestPending}, []int64{2, 3}},
		{RequestFilter{State: RequestIssued}, []int64{1}},
		{RequestFilter{Since: new(start.Add(time.Minute))}, []int64{2, 3}},
		{RequestFilter{Since: new(start.Add(time.Minute)), Device: "*A", State: RequestPending}, []int64{2}},
		{RequestFilter{ID: 2}, []int64{2}},
		{RequestFilter{ID: 9}, nil},
	} {
		var got []int64
		for _, r := range all(t, s.Requests(t.Context(), test.filter)) {
			got = append(got, r.ID)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%+v: %v, want %v", test.filter, got, test.want)
		}
		if n, err := s.CountRequests(t.Context(), test.filter); int(n) != len(test.want) || err != nil {
			t.Errorf("%+v: counted %d, %v", test.filter, n, err)
		}
	}
}

func TestDeleteRequests(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	a, b := addDevice(t, s, "SEP00000000000A"), addDevice(t, s, "SEP00000000000B")
	for range 2 { // 1 superseded, 2 pending
		_, err := s.SubmitRequest(t.Context(), phone(a.Name), request(a))
		must(t, err)
	}
	issue(t, s, b) // 3 issued
	events(t, s, 0, func() {
		_, err := s.DeleteRequests(t.Context(), operator, []int64{1, 3})
		wantErr(t, err, ErrConflict)
		_, err = s.DeleteRequests(t.Context(), operator, []int64{1, 77})
		wantErr(t, err, ErrNotFound)
		if !strings.Contains(err.Error(), "77") {
			t.Errorf("%v does not name the request", err)
		}
		n, err := s.DeleteRequests(t.Context(), operator, []int64{})
		if n != 0 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	})
	requestState(t, s, 1)
	e := events(t, s, 1, func() {
		if n, err := s.DeleteRequests(t.Context(), operator, []int64{1}); n != 1 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	})
	if e.Action != "csr-delete" || e.Device != a.Name || e.Detail != "1" {
		t.Errorf("the event is %+v", e)
	}
	e = events(t, s, 1, func() {
		if n, err := s.DeleteRequests(t.Context(), operator, nil); n != 1 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	})
	if e.Detail != "1 pending request, all there were" {
		t.Errorf("the event is %+v", e)
	}
	events(t, s, 0, func() {
		if n, err := s.DeleteRequests(t.Context(), operator, nil); n != 0 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	})
}

func TestLSCs(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	a, b := addDevice(t, s, "SEP00000000000A"), addDevice(t, s, "SEP00000000000B")
	var made []LSC
	for i, d := range []Device{a, a, b} {
		l := certificate()
		l.NotAfter = start.AddDate(0, 0, 10-i)
		l, err := s.IssueLSC(t.Context(), phone(d.Name), NewLSC{Request: request(d), LSC: l})
		must(t, err)
		made = append(made, l)
	}
	for _, test := range []struct {
		filter LSCFilter
		want   []int64
	}{
		{LSCFilter{}, []int64{1, 2, 3}},
		{LSCFilter{State: LSCStale}, []int64{1}},
		{LSCFilter{State: LSCIssued}, []int64{2, 3}},
		{LSCFilter{Device: "SEP*", State: LSCIssued}, []int64{2, 3}},
		{LSCFilter{Device: "sep00000000000b"}, []int64{3}},
		{LSCFilter{Serial: "0" + strings.ToUpper(made[1].Serial)}, []int64{2}},
		{LSCFilter{ExpiresBefore: new(start.AddDate(0, 0, 10))}, []int64{3, 2}},
	} {
		var got []int64
		for _, l := range all(t, s.LSCs(t.Context(), test.filter)) {
			got = append(got, l.ID)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%+v: %v, want %v", test.filter, got, test.want)
		}
		if n, err := s.CountLSCs(t.Context(), test.filter); int(n) != len(test.want) || err != nil {
			t.Errorf("%+v: counted %d, %v", test.filter, n, err)
		}
	}
	_, err := s.LSC(t.Context(), "abcdef")
	wantErr(t, err, ErrNotFound)
}

func TestDeleteStale(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	d := addDevice(t, s, "SEP000000000001")
	l := []LSC{issue(t, s, d), issue(t, s, d), issue(t, s, d), issue(t, s, d)} // three stale, one issued
	events(t, s, 0, func() {
		_, err := s.DeleteStale(t.Context(), operator, []string{l[0].Serial, l[3].Serial})
		wantErr(t, err, ErrConflict)
		_, err = s.DeleteStale(t.Context(), operator, []string{l[0].Serial, "77"})
		wantErr(t, err, ErrNotFound)
		if !strings.Contains(err.Error(), `"77"`) {
			t.Errorf("%v does not name the serial", err)
		}
	})
	e := events(t, s, 1, func() {
		if n, err := s.DeleteStale(t.Context(), operator, []string{"0" + strings.ToUpper(l[0].Serial)}); n != 1 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	})
	if e.Action != "stale-lsc-delete" || e.Device != d.Name || e.Detail != l[0].Serial {
		t.Errorf("the event is %+v", e)
	}
	wantErr(t, s.MarkInstalled(t.Context(), phone(d.Name), l[0].ID, 1), ErrConflict)
	events(t, s, 1, func() {
		if n, err := s.DeleteStale(t.Context(), operator, nil); n != 2 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	})
	events(t, s, 0, func() {
		if n, err := s.DeleteStale(t.Context(), operator, nil); n != 0 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	})
	if got := issue(t, s, d); got.ID != l[3].ID+1 {
		t.Errorf("the id %d follows %d", got.ID, l[3].ID)
	}
}
