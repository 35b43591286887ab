package server_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"capf/enroll/devices"
	"capf/enroll/onlineca"
	"capf/enroll/onlineca/catest"
	"capf/enroll/phone"
	"capf/enroll/server"
	"capf/enroll/wire"
	"capf/store"
)

// TestOnlineDown is a CA that is not there and comes back: the phones are told
// to come back, and the breaker leaves the CA alone.
func TestOnlineDown(t *testing.T) {
	t.Parallel()
	h := open(t, fast, func(c *server.Config) { c.Online.Limits = onlineca.Limits{Pause: 200 * time.Millisecond, Failures: 2} })
	ca := catest.MustCertsrv(t, catest.CertsrvOptions{Transport: catest.Transport{Login: catest.UserLogin("Basic")}})
	h.online(onlineca.Microsoft, ca.Server)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(free.Addr().String())
	free.Close()
	h.set("online_ca_port", port)
	h.secret("online_ca_password", []byte(caPassword)) // which belonged to the other port
	const phones = 8
	addMany(h, phones)
	inParallel(h, phones, phones, func(i int) error {
		r, err := h.phone(nthDevice(i))
		if !errors.Is(err, phone.ErrCommunication) || r.Delay < 30*time.Second {
			return fmt.Errorf("the phone ended with %v, delay %v", err, r.Delay)
		}
		return nil
	})
	for i := range phones {
		h.failed(nthDevice(i), "Upgrade Failed: CA Communication Failure", "sending the request to the CA")
	}
	h.set("online_ca_port", fmt.Sprint(ca.Port))
	h.secret("online_ca_password", []byte(caPassword))
	inParallel(h, phones, phones, func(i int) error { _, err := h.phone(nthDevice(i)); return err })
	if n := len(ca.CA.Made()); n != phones {
		t.Errorf("the CA has made %d certificates", n)
	}
}

// TestOnlineHang: a CA that takes requests and says nothing stops nobody else.
func TestOnlineHang(t *testing.T) {
	t.Parallel()
	h := open(t, fast)
	release := make(chan struct{})
	ca := catest.MustCertsrv(t, catest.CertsrvOptions{Transport: catest.Transport{Login: catest.UserLogin("Basic"), Intercept: func(http.ResponseWriter, *http.Request) bool {
		<-release
		return false
	}}})
	t.Cleanup(sync.OnceFunc(func() { close(release) }))
	h.online(onlineca.Microsoft, ca.Server)
	const phones = 24
	addMany(h, phones)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var hung sync.WaitGroup
	for i := range phones {
		hung.Go(func() {
			_, _ = phone.Run(ctx, phone.Config{Device: nthDevice(i), Servers: []string{h.address}, Attempts: 1, NewKey: keyOf(nthDevice(i))})
		})
	}
	eventually(t, "requests are on their way", func() bool { _, o := h.request(nthDevice(0)); return o.State != "" })
	h.set("certificate_issuer", "capf")
	h.add(sep, store.Install)
	// It would wait for ever: the others do until the end of the test.
	if r, err := h.phone(sep); err != nil || r.Outcome != phone.Installed {
		t.Errorf("the phone that needs no CA did %v: %v", r.Outcome, err)
	}
	cancel()
	hung.Wait()
}

// TestOnlineLate: the manager does not decide in the time for the operation.
func TestOnlineLate(t *testing.T) {
	t.Parallel()
	h := open(t, fast)
	ca := catest.MustCertsrv(t, catest.CertsrvOptions{Transport: catest.Transport{Login: catest.UserLogin("Basic")}, Outcome: catest.Pend})
	h.online(onlineca.Microsoft, ca.Server)
	by := h.clock.now().Add(time.Hour)
	h.add(sep, store.Install, func(e *devices.Edit) { e.CompletesBy = new(devices.At(by)) })
	w := h.waits(sep)
	h.until(sep, store.OnlineTaken)
	h.clock.advance(2 * time.Hour)
	if <-w.done; w.err == nil {
		t.Error("the phone was content")
	}
	h.until(sep, store.OnlineLate)
	h.failed(sep, "Upgrade Failed: User Initiated Request Late/Timedout", "did not decide in the time")
}

// TestOnlineLateAtAnotherServe: the worker of another serve is the first to notice
// that the time is over, so the session learns it from the request alone.
func TestOnlineLateAtAnotherServe(t *testing.T) {
	t.Parallel()
	h := open(t, fast)
	ca := catest.MustCertsrv(t, catest.CertsrvOptions{Transport: catest.Transport{Login: catest.UserLogin("Basic")}, Outcome: catest.Pend})
	h.online(onlineca.Microsoft, ca.Server)
	h.add(sep, store.Install)
	w := h.waits(sep)
	h.until(sep, store.OnlineTaken)
	eventually(h, "the request ends", func() bool { // the worker here may have claimed it
		_, o := h.request(sep)
		o.State = store.OnlineLate
		return h.base.Store.EndOnline(h.Context(), operator, o, "the CA did not decide in the time for the operation", store.Failed(store.Install, store.Late)) == nil
	})
	var declined *phone.DeclinedError
	if <-w.done; !errors.As(w.err, &declined) || declined.Reason != wire.ReasonDeclined {
		t.Errorf("the phone heard %v", w.err)
	}
	h.failed(sep, "Upgrade Failed: User Initiated Request Late/Timedout", "did not decide in the time")
}
