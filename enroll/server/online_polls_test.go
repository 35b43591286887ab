package server_test

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"capf/enroll/onlineca"
	"capf/enroll/onlineca/catest"
	"capf/enroll/phone"
	"capf/enroll/server"
	"capf/store"
)

// posts counts what is posted, and does something about the one with the
// number.
func posts(number int64, do func(http.ResponseWriter)) func(http.ResponseWriter, *http.Request) bool {
	var n atomic.Int64
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPost || n.Add(1) != number {
			return false
		}
		do(w)
		return true
	}
}

// TestOnlineESTPolls: an EST server has taken a request and has trouble of its
// own when it is asked for the certificate. It is asked again: with a new key
// the phone would need another decision.
func TestOnlineESTPolls(t *testing.T) {
	t.Parallel()
	status := func(code int) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			http.Error(w, "not now", code)
		}
	}
	for name, goesWrong := range map[string]func(http.ResponseWriter){
		"the server is too busy":      status(http.StatusServiceUnavailable),
		"the server fails":            status(http.StatusInternalServerError),
		"the server knows us no more": status(http.StatusUnauthorized),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := open(t, fast, func(c *server.Config) { c.Online.Limits.Refusal = 50 * time.Millisecond })
			ca := catest.MustEST(t, catest.ESTOptions{Waits: 1, RetryAfter: "1",
				Transport: catest.Transport{Login: catest.UserLogin("Basic"), Intercept: posts(2, goesWrong)}})
			h.online(onlineca.EST, ca.Server)
			h.add(sep, store.Install)
			if r, err := h.phone(sep); err != nil || r.Outcome != phone.Installed || len(ca.CA.Made()) != 1 {
				t.Errorf("the phone did %v: %v", r.Outcome, err)
			}
		})
	}
}

// TestOnlineESTPollDenied: what the server says of the request itself counts.
func TestOnlineESTPollDenied(t *testing.T) {
	t.Parallel()
	h := open(t, fast)
	ca := catest.MustEST(t, catest.ESTOptions{Waits: 1, RetryAfter: "1", Transport: catest.Transport{Login: catest.UserLogin("Basic"),
		Intercept: posts(2, func(w http.ResponseWriter) { http.Error(w, "the manager said no", http.StatusBadRequest) })}})
	h.online(onlineca.EST, ca.Server)
	h.add(sep, store.Install)
	if _, err := h.phone(sep); err == nil {
		t.Error("the phone was content")
	}
	h.failed(sep, "Upgrade Failed: CA Rejected Connection", "the manager said no")
}
