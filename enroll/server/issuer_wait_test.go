package server_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"capf/enroll/devices"
	"capf/enroll/phone"
	"capf/store"
)

// TestWaitIsEnded are decisions about phones that wait, one phone for each; the
// phone that nobody decides about goes on waiting.
func TestWaitIsEnded(t *testing.T) {
	t.Parallel()
	h, ca := offlineHouse(t)
	quick := func(c *phone.Config) { c.NewKey = nil }
	ec := func(e *devices.Edit) { order := store.ECOnly; e.KeyOrder = &order }
	waits := map[string]*waitingPhone{}
	for _, name := range []string{"stays", "unknown", "overtaken", "all"} {
		h.add(name, store.Install, ec)
		waits[name] = h.waits(name, quick)
		h.pending(name)
	}
	over := func(name string) error {
		t.Helper()
		select {
		case <-waits[name].done:
			return waits[name].err
		case <-time.After(patience):
			t.Fatalf("%s still waits", name)
			return nil
		}
	}
	var declined *phone.DeclinedError
	if err := h.base.Store.DeleteDevice(t.Context(), operator, "unknown"); err != nil {
		t.Fatal(err)
	}
	if err := over("unknown"); !errors.As(err, &declined) {
		t.Errorf("the phone whose device was deleted ended with %v", err)
	}
	first := h.pending("overtaken")
	second := h.waits("overtaken", quick)
	if err := over("overtaken"); !errors.As(err, &declined) {
		t.Errorf("the phone that connected again ended with %v", err)
	}
	eventually(t, "the second request", func() bool { return h.pending("overtaken").ID > first.ID })
	h.bring(h.sign(ca, h.pending("overtaken")))
	if <-second.done; second.err != nil {
		t.Error(second.err)
	}
	if _, err := h.base.Store.DeleteRequests(t.Context(), operator, []int64{h.pending("all").ID}); err != nil {
		t.Fatal(err)
	}
	if err := over("all"); !errors.As(err, &declined) {
		t.Errorf("the phone whose request was deleted ended with %v", err)
	}
	select {
	case <-waits["stays"].done:
		t.Errorf("the phone that nobody decided about ended with %v", waits["stays"].err)
	default:
	}
	h.bring(h.sign(ca, h.pending("stays")))
	if err := over("stays"); err != nil {
		t.Error(err)
	}
}

// TestWaitIsExtended is an operator who gives the operation more time while the
// phone waits: the phone goes on waiting, and its key is not lost.
func TestWaitIsExtended(t *testing.T) {
	t.Parallel()
	h, ca := offlineHouse(t)
	soon := h.clock.now().Add(3 * time.Second)
	h.add(sep, store.Install, func(e *devices.Edit) { e.CompletesBy = new(devices.At(soon)) })
	w := h.waits(sep)
	r := h.pending(sep)
	later := soon.Add(time.Hour)
	h.change(sep, func(e *devices.Edit) { e.CompletesBy = new(devices.At(later)) })
	select {
	case <-w.done:
		t.Fatalf("the phone ended with %v", w.err)
	case <-time.After(time.Until(soon) + time.Second):
	}
	h.bring(h.sign(ca, r))
	if <-w.done; w.err != nil {
		t.Error(w.err)
	}
}

// TestWaitAmongMany finds the decision among more events than are looked at one
// by one.
func TestWaitAmongMany(t *testing.T) {
	t.Parallel()
	h, ca := offlineHouse(t)
	h.add(sep, store.Install)
	w := h.waits(sep)
	r := h.pending(sep)
	inParallel(h, 128, 2000, func(i int) error {
		return h.base.Store.AddEvent(t.Context(), store.Event{Actor: operator, Device: fmt.Sprint("other-", i), Action: "test"})
	})
	h.bring(h.sign(ca, r))
	if <-w.done; w.err != nil {
		t.Error(w.err)
	}
}
