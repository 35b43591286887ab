package server_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"capf/crypto"
	"capf/enroll"
	"capf/enroll/health"
	"capf/enroll/phone"
	"capf/enroll/settings"
	"capf/enroll/wire"
	"capf/store"
)

// guess sends an authentication string. It returns what the phone was told, and
// whether it may go on.
func (h *house) guess(device, text string, set ...func(*phone.Config)) bool {
	h.Helper()
	set = append(set, func(c *phone.Config) { c.Password, c.StopAfter = []byte(text), wire.CmdKeyGenerateRequest })
	_, err := h.phone(device, set...)
	if err != nil && !errors.Is(err, phone.ErrStopped) && !errors.As(err, new(*phone.DeclinedError)) {
		h.Fatal(err)
	}
	return errors.Is(err, phone.ErrStopped)
}

// addStrings makes devices whose authentication string is 123456.
func (h *house) addStrings(names ...string) {
	h.Helper()
	for _, name := range names {
		h.add(name, store.Install, mode(store.ByString), withString("123456"))
	}
}

// TestGuessingByAddress: who tries a few strings with each of many devices is
// declined after thirty of them, over connections and restarts, and that helps
// nobody to shut out those who share his address.
func TestGuessingByAddress(t *testing.T) {
	t.Parallel()
	h := open(t)
	var names []string
	for i := range 20 {
		names = append(names, fmt.Sprintf("victim-%d", i))
	}
	h.addStrings(names...)
	h.addStrings("known", "known-too", "stranger")
	h.add("null", store.Install)
	certified, _ := h.enrolled("certified")
	for _, name := range []string{"known", "known-too"} {
		if !h.guess(name, "123456") {
			t.Fatalf("%s is not let in", name)
		}
	}
	judged := 0
	for range 9 {
		for _, name := range names {
			if h.guess(name, "000000") {
				t.Fatal("a wrong string was taken")
			}
		}
	}
	for _, name := range names {
		n, _ := h.guesses(name)
		judged += n
	}
	if judged != 30 {
		t.Errorf("%d of 180 wrong strings were judged", judged)
	}
	h.stop()
	h.start()
	for _, name := range []string{"victim-19", "stranger"} {
		for _, text := range []string{"123456", "000000", ""} {
			if h.guess(name, text) {
				t.Errorf("%s: %q is taken from a declined address", name, text)
			}
			if got := h.reason(name); !strings.HasPrefix(got, "127.0.0.1 is declined until ") {
				t.Errorf("%s: the reason for %q is %q", name, text, got)
			}
		}
	}
	if _, err := h.phone("null"); err == nil {
		t.Error("a null string is taken from a declined address")
	}
	if err := h.shows("certified", certified); err != nil {
		t.Error("a certificate is not taken:", err)
	}
	if !h.guess("known", "123456") {
		t.Error("a device that is known from there is not let in")
	}
	if h.guess("known-too", "000000") || h.guess("known-too", "123456") {
		t.Error("a device that is known from there goes on guessing")
	}
	found, err := health.Findings(t.Context(), h.base.Store.Reader, h.base.Now(), store.DeviceCounts{})
	if err != nil || !strings.Contains(fmt.Sprint(found), "1 address declined within the last day after wrong authentication strings, 1 of them now: 127.0.0.1 until ") {
		t.Errorf("the findings are %v, %v", found, err)
	}
	h.clock.advance(10*time.Minute + time.Second)
	if !h.guess("stranger", "123456") {
		t.Error("the address is declined for too long")
	}
}

// TestGuessingAtOnce sends guesses for many devices at the same moment: no more
// are judged than one after the other.
func TestGuessingAtOnce(t *testing.T) {
	t.Parallel()
	h := open(t)
	const devices = 50
	lines := make([]*conversation, devices)
	for i := range lines {
		h.addStrings(fmt.Sprintf("d-%d", i))
		lines[i] = h.dial()
	}
	inParallel(t, devices, devices, func(i int) error {
		c := lines[i]
		c.write(wire.AuthResponse{Version: 3, Device: fmt.Sprintf("d-%d", i), Reason: wire.ReasonSuccess, Password: []byte("000000")}.Frame(c.id))
		_, err := wire.Read(c)
		return err
	})
	judged := 0
	for i := range devices {
		n, _ := h.guesses(fmt.Sprintf("d-%d", i))
		judged += n
	}
	if judged != 30 {
		t.Errorf("%d wrong strings were judged", judged)
	}
}

// TestGuessingElsewhere: other addresses do not suffer, and without a limit none
// does.
func TestGuessingElsewhere(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.set("wrong_strings_per_address", "3")
	h.addStrings("a", "b")
	inForce, err := settings.Read(t.Context(), h.base.Store.Reader)
	if err != nil {
		t.Fatal(err)
	}
	registrar := registrarOf(h.base)
	try := func(device, network, text string) error {
		_, err := registrar.Authenticate(t.Context(), &inForce, enroll.Claim{
			Device: device, Address: "2001:db8::1", Network: network, Version: 3, Accepted: true, Password: []byte(text),
		})
		return err
	}
	for range 3 {
		if try("a", "2001:db8::/64", "000000") == nil {
			t.Fatal("a wrong string was taken")
		}
	}
	if try("b", "2001:db8::/64", "123456") == nil {
		t.Error("the network is not declined")
	}
	if err := try("b", "2001:db8:0:1::/64", "123456"); err != nil {
		t.Error("another network:", err)
	}
	inForce.WrongPerAddress = 0
	if err := try("b", "2001:db8::/64", "123456"); err != nil {
		t.Error("without a limit:", err)
	}
}

// TestUnconfirmedLimit: a phone that never confirms gets ten LSCs and no more,
// whatever it does, until ten minutes have gone or an operator schedules anew.
func TestUnconfirmedLimit(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.add("greedy", store.Install)
	take := func() (got bool) {
		_, err := h.phone("greedy", func(c *phone.Config) { c.StopAfter = wire.CmdStoreCertificateRequest })
		return errors.Is(err, phone.ErrStopped)
	}
	for range 40 {
		take()
	}
	if n := len(h.lscs("greedy")); n != 10 {
		t.Errorf("it has %d LSCs", n)
	}
	if got := h.reason("greedy"); !strings.HasPrefix(got, "locked until ") {
		t.Errorf("the reason is %q", got)
	}
	h.clock.advance(10*time.Minute + time.Second)
	if !take() {
		t.Error("the lock does not end")
	}
	for range 20 {
		take()
	}
	h.schedule("greedy", store.Install)
	if !take() {
		t.Error("an operator cannot end it")
	}
	// Sessions that are authenticated already are judged too.
	h.add("parallel", store.Install)
	h.set("unconfirmed_limit", "1")
	first, second := h.dial(), h.dial()
	for _, c := range []*conversation{first, second} {
		c.hello("parallel")
		if f := c.read(); f.Command != wire.CmdKeyGenerateRequest {
			t.Fatalf("the server sent %v", f.Command)
		}
	}
	first.write(wire.KeyGenerateResponse{PublicKey: public(t, crypto.RSA2048)}.Frame(first.id))
	if f := first.read(); f.Command != wire.CmdStoreCertificateRequest {
		t.Errorf("the first got %v", f.Command)
	}
	second.write(wire.KeyGenerateResponse{PublicKey: public(t, crypto.RSA2048)}.Frame(second.id))
	second.end(wire.ReasonDeclined)
}

// TestUnconfirmedChain: a phone that authenticates with each LSC that it has not
// confirmed, to get the next one, gets no more of them than by null string.
func TestUnconfirmedChain(t *testing.T) {
	t.Parallel()
	h := open(t)
	has, _ := h.enrolled("greedy")
	h.change("greedy", mode(store.ByLSCPrecedence))
	h.schedule("greedy", store.Install)
	take := func() bool {
		_, err := h.phone("greedy", func(c *phone.Config) { c.Existing, c.StopAfter = has, wire.CmdStoreCertificateRequest })
		if !errors.Is(err, phone.ErrStopped) {
			return false
		}
		has.Certificate = h.newest("greedy").Certificate // of the same key
		return true
	}
	taken := 0
	for taken < 30 && take() {
		taken++
	}
	if taken != 10 {
		t.Errorf("it took %d LSCs", taken)
	}
	h.clock.advance(10*time.Minute + time.Second)
	if _, err := h.phone("greedy", func(c *phone.Config) { c.Existing = has }); err != nil {
		t.Error("the lock does not end:", err)
	}
	if d := h.device("greedy"); d.Unconfirmed != 0 {
		t.Errorf("a confirmation leaves %d", d.Unconfirmed)
	}
}

// TestEventsOfOneDevice: sessions that authenticate, which by null string is no
// proof, and then come to nothing do not fill the record of events.
func TestEventsOfOneDevice(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.add("known", store.Install)
	inForce, err := settings.Read(t.Context(), h.base.Store.Reader)
	if err != nil {
		t.Fatal(err)
	}
	count := func() (n int) {
		for _, err := range h.base.Store.Events(context.Background(), store.EventFilter{Device: "known"}) {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		return n
	}
	before := count()
	registrar := registrarOf(h.base)
	for range 100 {
		g, err := registrar.Authenticate(t.Context(), &inForce, enroll.Claim{Device: "known", Address: "192.0.2.1", Network: "192.0.2.1", Version: 3, Accepted: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := registrar.RecordFailure(t.Context(), g, "key", enroll.Aborted()); err != nil {
			t.Fatal(err)
		}
	}
	if n := count() - before; n != 20 {
		t.Errorf("100 sessions made %d events", n)
	}
}

// TestAfterTheOperation: a session that authenticated while something was
// scheduled gets nothing more when another one has completed that.
func TestAfterTheOperation(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.add("known", store.Install)
	early := h.dial()
	early.hello("known")
	if f := early.read(); f.Command != wire.CmdKeyGenerateRequest {
		t.Fatalf("the server sent %v", f.Command)
	}
	if _, err := h.phone("known"); err != nil {
		t.Fatal(err)
	}
	early.write(wire.KeyGenerateResponse{PublicKey: public(t, crypto.RSA2048)}.Frame(early.id))
	early.end(wire.ReasonDeclined)
	if d := h.device("known"); d.Status != store.Succeeded(store.Install) || fmt.Sprint(h.lscs("known")) != "[installed]" {
		t.Errorf("the device has the status %q and the LSCs %v", d.Status, h.lscs("known"))
	}
}
