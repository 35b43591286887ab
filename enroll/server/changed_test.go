package server_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"capf/crypto"
	"capf/enroll"
	"capf/enroll/devices"
	"capf/enroll/onlineca"
	"capf/enroll/onlineca/catest"
	"capf/enroll/phone"
	"capf/enroll/settings"
	"capf/enroll/wire"
	"capf/store"
)

// over waits for the end of a phone's wait.
func (w *waitingPhone) over(t *testing.T) error {
	t.Helper()
	select {
	case <-w.done:
		return w.err
	case <-time.After(patience):
		t.Fatal("the phone still waits")
		return nil
	}
}

// changes are what operators do to a device whose phone waits for another CA,
// and the operation and status that the device has then.
var changes = map[string]struct {
	change    func(h *house, name string)
	operation store.Operation
	status    string
}{
	"cancelled":      {func(h *house, name string) { h.schedule(name, store.NoOperation) }, store.NoOperation, "None"},
	"to-delete":      {func(h *house, name string) { h.schedule(name, store.Delete) }, store.Delete, "Operation Pending"},
	"scheduled-anew": {func(h *house, name string) { h.schedule(name, store.Install) }, store.Install, "Operation Pending"},
	"added-again": {func(h *house, name string) {
		if err := h.base.Store.DeleteDevice(h.Context(), operator, name); err != nil {
			h.Fatal(err)
		}
		h.add(name, store.Install, ecKey)
	}, store.Install, "Operation Pending"},
	"less-time": {func(h *house, name string) { // as if an hour had gone since the operator's change
		_, err := h.base.Store.ChangeDevice(h.Context(), operator, name, store.EventText{Action: "device-set"},
			func(d *store.Device) error { d.CompletesBy = h.clock.now().Add(-time.Hour); return nil })
		if err != nil {
			h.Fatal(err)
		}
	}, store.Install, "Upgrade Failed: User Initiated Request Late/Timedout"},
}

// TestChangedWhileWaiting: a phone that waits for an operator does not install
// what is not scheduled any more. It hears of the change at once, and the
// certificate that comes all the same is stale.
func TestChangedWhileWaiting(t *testing.T) {
	t.Parallel()
	h, ca := offlineHouse(t)
	for name, test := range changes {
		t.Run(name, func(t *testing.T) {
			h := &house{TB: t, base: h.base, address: h.address, clock: h.clock}
			h.add(name, store.Install, ecKey)
			w := h.waits(name, anew)
			r := h.pending(name)
			test.change(h, name)
			var declined *phone.DeclinedError
			if err := w.over(t); !errors.As(err, &declined) {
				t.Errorf("the phone ended with %v", err)
			}
			if d := h.device(name); d.Operation != test.operation || d.Status.Long() != test.status {
				t.Errorf("the device has %s, %q", d.Operation, d.Status.Long())
			}
			if name == "less-time" {
				return // the operation is the same, and so is what is pending
			}
			h.bring(h.sign(ca, r))
			if got := h.lscs(name); len(got) != 1 || got[0] != store.LSCStale {
				t.Errorf("the LSCs are %v", got)
			}
			if test.operation != store.Install {
				return
			}
			again := h.waits(name, anew)
			h.bring(h.sign(ca, h.pending(name)))
			if err := again.over(t); err != nil {
				t.Errorf("when it came back, the phone ended with %v", err)
			}
		})
	}
}

// TestChangedAtOnlineCA is the same while an online CA has the request: what it
// makes is kept where an operator finds it, and not sent.
func TestChangedAtOnlineCA(t *testing.T) {
	t.Parallel()
	h := open(t, fast)
	ca := catest.MustCertsrv(t, catest.CertsrvOptions{Outcome: catest.Pend, Transport: catest.Transport{Login: catest.UserLogin("Basic")}})
	h.online(onlineca.Microsoft, ca.Server)
	for name, test := range changes {
		if name == "less-time" || name == "added-again" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			h := &house{TB: t, base: h.base, address: h.address, clock: h.clock}
			h.add(name, store.Install)
			w := h.waits(name)
			_, o := h.until(name, store.OnlineTaken)
			test.change(h, name)
			var declined *phone.DeclinedError
			if err := w.over(t); !errors.As(err, &declined) {
				t.Errorf("the phone ended with %v", err)
			}
			if err := ca.Decide(o.CARequest, catest.Issue); err != nil {
				t.Fatal(err)
			}
			r, _ := h.until(name, store.OnlineIssued)
			if got := h.lscs(name); len(got) != 1 || got[0] != store.LSCStale || r.State != store.RequestSuperseded {
				t.Errorf("the LSCs are %v, the request is %s", got, r.State)
			}
			if d := h.device(name); d.Operation != test.operation || d.Status.Long() != test.status {
				t.Errorf("the device has %s, %q", d.Operation, d.Status.Long())
			}
		})
	}
}

// TestMoreTimeAtOnlineCA: a request at the CA has the time that an operator gives
// its operation, though it was sent before.
func TestMoreTimeAtOnlineCA(t *testing.T) {
	t.Parallel()
	h := open(t, fast)
	ca := catest.MustCertsrv(t, catest.CertsrvOptions{Outcome: catest.Pend, Transport: catest.Transport{Login: catest.UserLogin("Basic")}})
	h.online(onlineca.Microsoft, ca.Server)
	by, later := h.clock.now().Add(time.Hour), h.clock.now().Add(10*time.Hour)
	h.add(sep, store.Install, func(e *devices.Edit) { e.CompletesBy = new(devices.At(by)) })
	w := h.waits(sep)
	_, o := h.until(sep, store.OnlineTaken)
	h.change(sep, func(e *devices.Edit) { e.CompletesBy = new(devices.At(later)) })
	h.clock.advance(2 * time.Hour)
	// Only a request that is still asked for has looks to come.
	eventually(t, "the CA is asked again", func() bool { _, now := h.request(sep); return now.Looks > o.Looks+1 || now.State != o.State })
	if err := ca.Decide(o.CARequest, catest.Issue); err != nil {
		t.Fatal(err)
	}
	if err := w.over(t); err != nil || w.r.Outcome != phone.Installed {
		t.Errorf("the phone did %v: %v", w.r.Outcome, err)
	}
}

// enqueued is a device whose request waits for an offline CA, without a session.
func enqueued(t *testing.T) (*house, *enroll.Registrar, enroll.Grant, store.Request) {
	t.Helper()
	r := newBase(t, &clock{})
	h := &house{TB: t, base: r, clock: &clock{}}
	h.set("certificate_issuer", "offline-ca")
	h.add(sep, store.Install)
	inForce, err := settings.Read(t.Context(), r.Store.Reader)
	if err != nil {
		t.Fatal(err)
	}
	registrar := registrarOf(r)
	g, err := registrar.Authenticate(t.Context(), &inForce, enroll.Claim{Device: sep, Version: 3, Accepted: true})
	if err != nil {
		t.Fatal(err)
	}
	request, err := registrar.Enqueue(t.Context(), g, crypto.EC384, public(t, crypto.EC384), nil)
	if err != nil {
		t.Fatal(err)
	}
	return h, registrar, g, request
}

// TestChangedWhenDecided: the LSC has come, and before the session sends it the
// operator cancels the operation.
func TestChangedWhenDecided(t *testing.T) {
	t.Parallel()
	h, registrar, g, request := enqueued(t)
	ca := newCA(t, "Company")
	h.trust(ca.Leaf())
	h.bring(h.sign(ca, request))
	h.schedule(sep, store.NoOperation)
	var end *enroll.SessionError
	if _, err := registrar.Outcome(t.Context(), g, request.ID); !errors.As(err, &end) || !strings.Contains(end.Detail, "changed") {
		t.Errorf("the outcome is %v", err)
	}
	if got := h.lscs(sep); len(got) != 1 || got[0] != store.LSCStale {
		t.Errorf("the LSCs are %v", got)
	}
}

// TestOlderSession: a phone has lost its power and is back, and waits, before the
// server has come to what its older session had sent. That one does not end the
// wait of the phone.
func TestOlderSession(t *testing.T) {
	t.Parallel()
	h, ca := offlineHouse(t)
	key := wire.KeyGenerateResponse{PublicKey: public(t, crypto.EC384)}
	for name, before := range map[string]func(*conversation){
		"at-the-greeting": func(*conversation) {},
		"at-the-key":      func(c *conversation) { c.hello("at-the-key"); c.read() },
		"at-the-proof":    func(c *conversation) { c.hello("at-the-proof"); c.read(); c.write(key.Frame(c.id)); c.read() },
	} {
		h.add(name, store.Install, ecKey)
		older := h.dial()
		before(older)
		w := h.waits(name, anew)
		r := h.pending(name)
		switch name {
		case "at-the-greeting":
			older.hello(name)
			older.read()
			fallthrough
		case "at-the-key":
			older.write(key.Frame(older.id))
			older.read()
		}
		older.writeBytes(raw(byte(wire.CmdEncryptResponse), older.id)) // it does not sign
		older.end(wire.ReasonDeclined)
		h.bring(h.sign(ca, r))
		if err := w.over(t); err != nil {
			t.Errorf("%s: the phone that is back ended with %v", name, err)
		}
	}
}

// TestEarlierSessionAtCAPF: the phone is back and has got its LSC, but has not
// confirmed it, when the server comes to the key that it sent before it lost its
// power. That key gets no LSC, and the one that is on its way is not stale.
func TestEarlierSessionAtCAPF(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.add(sep, store.Install, ecKey)
	earlier, later := h.dial(), h.dial()
	for _, c := range []*conversation{earlier, later} {
		c.hello(sep)
		c.read()
	}
	later.write(wire.KeyGenerateResponse{PublicKey: public(t, crypto.EC384)}.Frame(later.id))
	if f := later.read(); f.Command != wire.CmdStoreCertificateRequest {
		t.Fatalf("the server sent %v", f.Command)
	}
	earlier.write(wire.KeyGenerateResponse{PublicKey: public(t, crypto.EC384)}.Frame(earlier.id))
	earlier.end(wire.ReasonDeclined)
	if d := h.device(sep); d.Status != store.StatusPending || fmt.Sprint(h.lscs(sep)) != "[issued]" {
		t.Errorf("the device has the status %q and the LSCs %v", d.Status, h.lscs(sep))
	}
	later.write(wire.StoreResponse{Reason: wire.ReasonSuccess}.Frame(later.id))
	later.end(wire.ReasonSuccess)
	if d := h.device(sep); d.Status != store.Succeeded(store.Install) || fmt.Sprint(h.lscs(sep)) != "[installed]" {
		t.Errorf("in the end it has the status %q and the LSCs %v", d.Status, h.lscs(sep))
	}
}

// TestEarlierSessionElsewhere: the phone is back at another server of the same
// database, and waits there for another CA, when the first one comes to what the
// phone had sent. Neither its proof nor its silence is news of the operation.
func TestEarlierSessionElsewhere(t *testing.T) {
	t.Parallel()
	h, ca := offlineHouse(t)
	h.add("proves", store.Install, ecKey)
	h.add("gives-up", store.Install, ecKey)
	earlier := map[string]*conversation{}
	for _, name := range []string{"proves", "gives-up"} {
		c := h.dial()
		c.hello(name)
		c.read()
		earlier[name] = c
	}
	c := earlier["proves"]
	c.write(wire.KeyGenerateResponse{PublicKey: public(t, crypto.EC384)}.Frame(c.id))
	c.read()
	h.start()
	var waits []*waitingPhone
	var signed [][]byte
	for name := range earlier {
		waits = append(waits, h.waits(name, anew))
		signed = append(signed, h.sign(ca, h.pending(name)))
	}
	c.writeBytes(raw(byte(wire.CmdEncryptResponse), c.id)) // it does not sign
	c.end(wire.ReasonDeclined)
	c = earlier["gives-up"]
	c.write(wire.KeyGenerateResponse{Reason: wire.ReasonDeclined}.Frame(c.id))
	for c.read().Command == wire.CmdKeyGenerateRequest {
		c.write(wire.KeyGenerateResponse{Reason: wire.ReasonDeclined}.Frame(c.id))
	}
	for name := range earlier {
		if d := h.device(name); d.Status != store.StatusPending {
			t.Errorf("%s: while the phone waits its device has the status %q", name, d.Status)
		}
	}
	h.bring(signed...)
	for _, w := range waits {
		if err := w.over(t); err != nil {
			t.Errorf("the phone that is back ended with %v", err)
		}
	}
}

// TestSlowToStore: the certificate comes in the moment in which a phone says
// that it is at work, and the phone takes its time to store it. Whatever else
// happens to its device meanwhile, it is not cut off.
func TestSlowToStore(t *testing.T) {
	t.Parallel()
	h, ca := offlineHouse(t)
	var others []*waitingPhone
	for _, name := range []string{"first", "second", "third"} {
		h.add(name, store.Install, ecKey)
		others = append(others, h.waits(name, anew))
		h.pending(name)
	}
	// seen returns when the server has looked at all events so far: then it
	// wakes the other phone.
	seen := func(name string, w *waitingPhone) {
		t.Helper()
		h.bring(h.sign(ca, h.pending(name)))
		if err := w.over(t); err != nil {
			t.Fatal(err)
		}
	}
	h.add(sep, store.Install, ecKey)
	c := h.dial()
	c.hello(sep)
	c.read()
	c.write(wire.KeyGenerateResponse{PublicKey: public(t, crypto.EC384)}.Frame(c.id))
	c.read()
	c.writeBytes(raw(byte(wire.CmdEncryptResponse), c.id)) // it does not sign
	r := h.pending(sep)
	c.write(wire.RequestInProgress{}.Frame(c.id))
	h.bring(h.sign(ca, r))
	if f := c.read(); f.Command != wire.CmdStoreCertificateRequest {
		t.Fatalf("the server sent %v", f.Command)
	}
	seen("first", others[0])
	text := "slow"
	h.change(sep, func(e *devices.Edit) { e.Description = &text })
	seen("second", others[1])
	c.write(wire.StoreResponse{Reason: wire.ReasonSuccess}.Frame(c.id))
	c.end(wire.ReasonSuccess)
	if d := h.device(sep); d.Status != store.Succeeded(store.Install) {
		t.Errorf("the device has %q", d.Status.Long())
	}
}

// TestAddedAgainWhenDecided: the request is of a device that has been deleted. What
// comes for it is not sent on behalf of a new device of the same name, though that is
// at its first operation too.
func TestAddedAgainWhenDecided(t *testing.T) {
	t.Parallel()
	h, registrar, g, request := enqueued(t)
	if err := h.base.Store.DeleteDevice(t.Context(), operator, sep); err != nil {
		t.Fatal(err)
	}
	h.add(sep, store.Install)
	var end *enroll.SessionError
	if _, err := registrar.Outcome(t.Context(), g, request.ID); !errors.As(err, &end) || end.Detail != "an operator has deleted the device" {
		t.Errorf("the outcome is %v", err)
	}
}
