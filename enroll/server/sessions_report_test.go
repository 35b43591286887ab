package server_test

import (
	stdcrypto "crypto"
	"errors"
	"fmt"
	"net"
	"testing"

	"capf/crypto"
	"capf/enroll/phone"
	"capf/enroll/sessions"
	"capf/enroll/wire"
	"capf/store"
)

// TestSessionEnds: an operator sees a phone that makes its key and another that says
// nothing, and ends both. The first is told; its operation stays scheduled, and has not
// failed.
func TestSessionEnds(t *testing.T) {
	t.Parallel()
	const sep = "SEP001122334455"
	h := open(t)
	h.add(sep, store.Install)
	key := make(chan struct{})
	ended := make(chan error, 1)
	go func() {
		_, err := h.phone(sep, func(c *phone.Config) {
			make := c.NewKey
			c.NewKey = func(k crypto.KeyKind) (stdcrypto.Signer, error) { <-key; return make(k) }
		})
		ended <- err
	}()
	silent, err := net.Dial("tcp", h.address)
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()

	found := h.sessionsIn(store.AwaitKey, store.SessionIdle)
	if v := found[0]; v.Device != sep || v.Address != "127.0.0.1" || v.TLS != "TLS 1.3" || v.Number == 0 {
		t.Errorf("it is %+v", v)
	}
	for _, v := range found {
		if err := sessions.End(t.Context(), h.base.Store, operator, v.ID); err != nil {
			t.Fatal(err)
		}
	}
	h.sessionsIn()
	close(key)
	var declined *phone.DeclinedError
	if err := <-ended; !errors.As(err, &declined) || declined.Reason != wire.ReasonDeclined {
		t.Errorf("the phone ended with %v", err)
	}
	if d := h.device(sep); d.Operation != store.Install || d.Status != store.StatusPending {
		t.Errorf("%s is scheduled, with the status %s", d.Operation, d.Status)
	}
	if n, err := silent.Read([]byte{0}); err == nil {
		t.Errorf("%d bytes for the phone without TLS", n)
	}
}

// sessionsIn waits until there is a session in each of the states, and no other, and
// returns them.
func (h *house) sessionsIn(states ...store.SessionState) (found []sessions.Session) {
	h.Helper()
	eventually(h, fmt.Sprintf("sessions in %v", states), func() bool {
		all, err := sessions.List(h.Context(), h.base.Store.Reader, h.clock.now(), store.SessionFilter{})
		if err != nil {
			h.Fatal(err)
		}
		found = nil
		for _, state := range states {
			for _, v := range all {
				if v.State == state {
					found = append(found, v)
				}
			}
		}
		return len(found) == len(states) && len(all) == len(found)
	})
	return found
}
