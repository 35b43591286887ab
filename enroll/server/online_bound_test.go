package server_test

import (
	"crypto/tls"
	"errors"
	"testing"

	"capf/enroll/onlineca"
	"capf/enroll/onlineca/catest"
	"capf/enroll/phone"
	"capf/enroll/server"
	"capf/store"
)

// wantsChallenge is csrattrs of RFC 7030, A.4, with challengePassword.
const wantsChallenge = "MEEGCSqGSIb3DQEJBzASBgcqhkjOPQIBMQcGBSuBBAAiMBYGCSqGSIb3DQEJDjEJBgcrBgEBAQEWBggqhkjOPQQDAw=="

// TestOnlineBound: an EST server takes only requests that name the TLS
// connection over which they come, and that the phone has signed with that name
// in them.
func TestOnlineBound(t *testing.T) {
	t.Parallel()
	h := open(t, fast, func(c *server.Config) { c.Online.Limits = onlineca.Limits{Concurrent: 1} })
	ca := catest.MustEST(t, catest.ESTOptions{Transport: catest.Transport{Login: catest.UserLogin("Basic")}, Attributes: []byte(wantsChallenge), Bound: true})
	h.online(onlineca.EST, ca.Server)
	// Phones that do not sign, or leave, give the only connection back.
	h.add(nthDevice(1), store.Install)
	if _, err := h.phone(nthDevice(1), func(c *phone.Config) { c.Possession = phone.Refuse }); err == nil {
		t.Error("a phone that does not sign was content")
	}
	h.add(nthDevice(2), store.Install)
	if _, err := h.phone(nthDevice(2), func(c *phone.Config) { c.Possession = phone.Drop }); err == nil {
		t.Error("a phone that left was content")
	}
	for i := 3; i < 6; i++ {
		h.add(nthDevice(i), store.Install)
		w := h.waits(nthDevice(i))
		h.add(nthDevice(10+i), store.Install, ecKey)
		if r, err := h.phone(nthDevice(10 + i)); err != nil || r.Outcome != phone.Installed {
			t.Errorf("the phone did %v: %v", r.Outcome, err)
		}
		if <-w.done; w.err != nil || w.r.Outcome != phone.Installed {
			t.Errorf("the phone did %v: %v", w.r.Outcome, w.err)
		}
	}
	if n := len(ca.CA.Made()); n != 6 {
		t.Errorf("the CA has made %d certificates", n)
	}
}

// TestOnlineBoundGone: the connection has gone before the request is sent. It is
// not sent over another one.
func TestOnlineBoundGone(t *testing.T) {
	t.Parallel()
	h := open(t, fast)
	ca := catest.MustEST(t, catest.ESTOptions{Transport: catest.Transport{Login: catest.UserLogin("Basic")}, Attributes: []byte(wantsChallenge), Bound: true})
	h.online(onlineca.EST, ca.Server)
	h.add(sep, store.Install)
	h.sql("CREATE TRIGGER full BEFORE UPDATE ON online_requests BEGIN SELECT RAISE(ABORT, 'full'); END")
	w := h.waits(sep)
	eventually(t, "the request is kept", func() bool { _, o := h.request(sep); return o.State == store.OnlineQueued })
	ca.Drop()
	h.sql("DROP TRIGGER full")
	<-w.done
	if !errors.Is(w.err, phone.ErrCommunication) {
		t.Errorf("the phone ended with %v", w.err)
	}
	h.failed(sep, "Upgrade Failed: CA Communication Failure", "the connection to which the request is bound is gone")
	if n := len(ca.CA.Made()); n != 0 {
		t.Errorf("the CA has made %d certificates", n)
	}
	if r, err := h.phone(sep, anew); err != nil || r.Outcome != phone.Installed {
		t.Errorf("the phone did %v: %v", r.Outcome, err)
	}
}

// TestOnlineBoundWithoutTLS12 says clearly why there is no way.
func TestOnlineBoundWithoutTLS12(t *testing.T) {
	t.Parallel()
	h := open(t, fast)
	ca := catest.MustEST(t, catest.ESTOptions{Transport: catest.Transport{Login: catest.UserLogin("Basic"), MinTLS: tls.VersionTLS13},
		Attributes: []byte(wantsChallenge), Bound: true})
	h.online(onlineca.EST, ca.Server)
	h.add(sep, store.Install)
	<-h.waits(sep).done
	h.failed(sep, "Upgrade Failed: CA Rejected Connection", "tls-unique")
}
