package server_test

import (
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"capf/enroll/onlineca"
	"capf/enroll/onlineca/catest"
	"capf/enroll/phone"
	"capf/store"
)

// TestOnlineResume: the certificate is there, its fetch fails, and serve ends.
// The next serve fetches the same one.
func TestOnlineResume(t *testing.T) {
	t.Parallel()
	h := open(t, fast)
	var closed atomic.Bool
	closed.Store(true)
	ca := catest.MustCertsrv(t, catest.CertsrvOptions{Transport: catest.Transport{Login: catest.UserLogin("Basic"), Intercept: func(w http.ResponseWriter, r *http.Request) bool {
		if closed.Load() && strings.HasSuffix(r.URL.Path, "certnew.cer") {
			panic(http.ErrAbortHandler)
		}
		return false
	}}})
	h.online(onlineca.Microsoft, ca.Server)
	h.add(sep, store.Install)
	w := h.waits(sep)
	_, o := h.until(sep, store.OnlineTaken)
	if o.CARequest != "41" {
		t.Fatalf("the number of the request is %q", o.CARequest)
	}
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	<-w.done
	closed.Store(false)
	h.start(fast)
	h.clock.advance(10 * time.Minute) // what a serve that was killed had begun is abandoned after that
	r, _ := h.until(sep, store.OnlineIssued)
	if r.State != store.RequestIssued || len(ca.CA.Made()) != 1 {
		t.Errorf("the request is %s, the CA has made %d certificates", r.State, len(ca.CA.Made()))
	}
	if got := h.lscs(sep); len(got) != 1 || got[0] != store.LSCIssued {
		t.Errorf("the LSCs are %v", got)
	}
	if d := h.device(sep); d.Operation != store.Install {
		t.Errorf("the operation is %s", d.Operation)
	}
	// The phone has made a new key meanwhile.
	if r, err := h.phone(sep, anew); err != nil || r.Outcome != phone.Installed {
		t.Errorf("the phone did %v: %v", r.Outcome, err)
	}
	if got := h.lscs(sep); len(got) != 2 || got[0] != store.LSCStale || got[1] != store.LSCInstalled {
		t.Errorf("the LSCs are %v", got)
	}
}

// TestOnlineKilled is a serve that died between the post and its answer: the
// request is not sent again.
func TestOnlineKilled(t *testing.T) {
	t.Parallel()
	h := open(t, fast)
	ca := catest.MustCertsrv(t, catest.CertsrvOptions{Transport: catest.Transport{Login: catest.UserLogin("Basic")}, DropPosts: 1})
	h.online(onlineca.Microsoft, ca.Server)
	h.add(sep, store.Install)
	_, err := h.phone(sep)
	if !errors.Is(err, phone.ErrCommunication) {
		t.Errorf("the phone ended with %v", err)
	}
	r, o := h.until(sep, store.OnlineUnknown)
	h.failed(sep, "Upgrade Failed: CA Communication Failure", "whether the CA has taken the request is not known")
	if n := len(ca.CA.Made()); r.State != store.RequestRejected || o.Certificate != nil || n != 1 {
		t.Errorf("the request is %s, the CA has made %d certificates", r.State, n)
	}
	if r, err := h.phone(sep, anew); err != nil || r.Outcome != phone.Installed || len(ca.CA.Made()) != 2 {
		t.Errorf("with a new key the phone did %v: %v", r.Outcome, err)
	}
}

// TestOnlineAbandoned is a serve that stops working while its request is on the
// way: another one does not send it again.
func TestOnlineAbandoned(t *testing.T) {
	t.Parallel()
	h := open(t, fast)
	release := make(chan struct{})
	var posts atomic.Int64
	ca := catest.MustCertsrv(t, catest.CertsrvOptions{Transport: catest.Transport{Login: catest.UserLogin("Basic"), Intercept: func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPost {
			posts.Add(1)
			<-release
		}
		return false
	}}})
	t.Cleanup(func() { close(release) })
	h.online(onlineca.Microsoft, ca.Server)
	h.add(sep, store.Install)
	w := h.waits(sep)
	eventually(t, "the request is at the CA", func() bool { return posts.Load() == 1 })
	h.start(fast)
	h.clock.advance(10 * time.Minute)
	h.until(sep, store.OnlineUnknown)
	<-w.done
	h.failed(sep, "Upgrade Failed: CA Communication Failure", "ended before the answer came")
	if n := posts.Load(); n != 1 {
		t.Errorf("%d requests have reached the CA", n)
	}
}

// TestOnlineGone is a phone that leaves before its request was sent, and one
// whose certificate comes when it has made a newer key.
func TestOnlineGone(t *testing.T) {
	t.Parallel()
	h := open(t, fast)
	ca := catest.MustCertsrv(t, catest.CertsrvOptions{Transport: catest.Transport{Login: catest.UserLogin("Basic")}, Outcome: catest.Pend})
	h.online(onlineca.Microsoft, ca.Server)
	h.add(sep, store.Install)
	var last int64
	for range 2 {
		taken := func() bool { r, o := h.request(sep); return r.ID > last && o.State == store.OnlineTaken }
		h.leaves(sep, "a new request is with the CA", taken, func(c *phone.Config) { c.NewKey = nil })
		r, _ := h.request(sep)
		last = r.ID
	}
	if err := ca.Decide("41", catest.Issue); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the older one is stale", func() bool { got := h.lscs(sep); return len(got) == 1 && got[0] == store.LSCStale })
	if r, o := h.request(sep); r.State != store.RequestPending || o.State != store.OnlineTaken {
		t.Errorf("the newer one is %s, %s", r.State, o.State)
	}
}

// TestOnlineAnotherCA: an operator sets another CA while the first has a
// request. That one is not asked for it: under the number it may have another
// phone's certificate, and it would make a second one for the same key. When the
// first is set again, its certificate comes.
func TestOnlineAnotherCA(t *testing.T) {
	for _, kind := range []onlineca.Type{onlineca.Microsoft, onlineca.EST} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			h := open(t, fast)
			start := func(waits int) *catest.Server {
				how := catest.Transport{Login: catest.UserLogin("Basic")}
				if kind == onlineca.EST {
					return catest.MustEST(t, catest.ESTOptions{Transport: how, Waits: waits, RetryAfter: "1"}).Server
				}
				o := catest.CertsrvOptions{Transport: how}
				if waits > 0 {
					o.Outcome, o.ManagerPolls = catest.Pend, waits
				}
				return catest.MustCertsrv(t, o).Server
			}
			first, second := start(1), start(0)
			h.online(kind, first)
			h.add(sep, store.Install)
			w := h.waits(sep)
			h.until(sep, store.OnlineTaken)
			h.online(kind, second)
			eventually(t, "the request is left at the first CA", func() bool {
				_, o := h.request(sep)
				return o.State == store.OnlineTaken && strings.Contains(o.Note, "another CA has the request")
			})
			if n := second.Requests(); n != 0 {
				t.Errorf("the second CA got %d requests", n)
			}
			h.online(kind, first)
			h.clock.advance(10 * time.Minute) // the longest pause
			if <-w.done; w.err != nil || w.r.Outcome != phone.Installed {
				t.Errorf("the phone did %v: %v", w.r.Outcome, w.err)
			}
			if a, b := len(first.CA.Made()), len(second.CA.Made()); a != 1 || b != 0 {
				t.Errorf("the CAs have made %d and %d certificates", a, b)
			}
		})
	}
}
