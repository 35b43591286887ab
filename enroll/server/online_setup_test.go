package server_test

import (
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"

	"capf/crypto"
	"capf/enroll/authority"
	"capf/enroll/caworker"
	"capf/enroll/devices"
	"capf/enroll/onlineca"
	"capf/enroll/onlineca/catest"
	"capf/enroll/phone"
	"capf/enroll/server"
	"capf/enroll/settings"
	"capf/store"
)

const (
	caUser     = catest.User
	caPassword = catest.Password
)

// fast are the pauses of tests, which are otherwise those of people.
func fast(c *server.Config) {
	c.Online = caworker.Options{
		Poll: 20 * time.Millisecond, FirstLook: 20 * time.Millisecond, LastLook: 100 * time.Millisecond,
		Retry: 20 * time.Millisecond, Grace: 50 * time.Millisecond,
	}
	c.Grace = 50 * time.Millisecond
}

// online points the house at a CA as an operator does.
func (h *house) online(kind onlineca.Type, s *catest.Server) {
	h.Helper()
	for name, value := range map[string]string{
		"online_ca_hostname": s.Host, "online_ca_port": fmt.Sprint(s.Port), "online_ca_type": string(kind),
		"online_ca_username": caUser, "certificate_issuer": "online-ca",
	} {
		h.set(name, value)
	}
	if kind == onlineca.Microsoft {
		h.set("online_ca_template", "CiscoRA")
	}
	h.secret("online_ca_password", []byte(caPassword))
	h.trust(s.CA.Root())
	h.activate(true)
}

func (h *house) onlineCA() caworker.CA {
	r := h.base
	return caworker.CA{Store: r.Store, Sealer: r.Sealer, Now: r.Now, Rand: r.Rand, Log: r.Log}
}

func (h *house) secret(name string, value []byte) {
	h.Helper()
	if _, err := settings.SetSecret(h.Context(), h.base.Store, h.base.Sealer, operator, name, value); err != nil {
		h.Fatal(err)
	}
}

func (h *house) trust(c *x509.Certificate) {
	h.Helper()
	file := authority.UploadFile{Name: "ca.pem", Data: crypto.CertificatePEM(c.Raw), Purposes: []store.Purpose{store.CAPFTrust}}
	_, err := h.trustStores().Upload(h.Context(), operator, []authority.UploadFile{file}, authority.UploadOptions{})
	if err != nil {
		h.Fatal(err)
	}
}

// distrust empties capf-trust.
func (h *house) distrust() {
	h.Helper()
	rows, err := h.base.Store.Trust(h.Context(), store.CAPFTrust)
	if err != nil {
		h.Fatal(err)
	}
	for _, row := range rows {
		if err := h.base.Store.DeleteTrust(h.Context(), operator, row.ID); err != nil {
			h.Fatal(err)
		}
	}
}

func (h *house) activate(active bool) {
	h.Helper()
	if err := h.base.Store.SetService(h.Context(), operator, "enrollment", active); err != nil {
		h.Fatal(err)
	}
}

// request is the newest request of a device.
func (h *house) request(device string) (store.Request, store.OnlineRequest) {
	h.Helper()
	var newest store.Request
	for r, err := range h.base.Store.Requests(h.Context(), store.RequestFilter{Device: device}) {
		if err != nil {
			h.Fatal(err)
		}
		newest = r
	}
	o, err := h.base.Store.Online(h.Context(), newest.ID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		h.Fatal(err)
	}
	// Once more, since the two change together and were read one after the other.
	if again, err := h.base.Store.Request(h.Context(), newest.ID); err == nil {
		newest = again
	}
	return newest, o
}

// online waits until a request of the device is in the state at the CA.
func (h *house) until(device string, state store.OnlineState) (store.Request, store.OnlineRequest) {
	h.Helper()
	var r store.Request
	var o store.OnlineRequest
	eventually(h, device+" is "+string(state), func() bool { r, o = h.request(device); return o.State == state })
	return r, o
}

// failed demands the status, the operation still scheduled, and the reason in
// the request and in the record.
func (h *house) failed(device, status, reason string) {
	h.Helper()
	if d := h.device(device); d.Status.Long() != status || d.Operation != store.Install {
		h.Errorf("the device has %q and the operation %s, not %q", d.Status.Long(), d.Operation, status)
	}
	r, _ := h.request(device)
	if r.ID != 0 && !strings.Contains(r.Reason, reason) {
		h.Errorf("the reason is %q, not %q", r.Reason, reason)
	}
	if strings.ContainsAny(r.Reason, "\n\r") || strings.Contains(r.Reason, caPassword) {
		h.Errorf("the reason is %q", r.Reason)
	}
	seen := false
	for e, err := range h.base.Store.Events(h.Context(), store.EventFilter{Device: device}) {
		if err != nil {
			h.Fatal(err)
		}
		seen = seen || strings.Contains(e.Detail, reason)
	}
	if !seen {
		h.Errorf("no event says %q", reason)
	}
}

func ecKey(e *devices.Edit) { order := store.ECOnly; e.KeyOrder = &order }

func anew(c *phone.Config) { c.NewKey = nil }
