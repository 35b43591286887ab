package jobs_test

import (
	"bytes"
	"context"
	stdcrypto "crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"capf/enroll/approval"
	"capf/enroll/authority"
	"capf/enroll/bulk"
	"capf/enroll/devices"
	"capf/enroll/devices/devicestest"
	"capf/enroll/phone"
	"capf/enroll/server"
	"capf/enroll/wire"
	"capf/internal/apperr"
	"capf/store"
)

// serve runs a listener on the house and returns its address.
func (h *house) serve() string {
	h.Helper()
	h.Init()
	h.Set("tls_min_version", "1.2")
	ctx, stop := context.WithCancel(context.Background())
	ready, done := make(chan string, 1), make(chan error, 1)
	go func() {
		done <- server.Run(ctx, server.Config{
			Store: h.Rules.Store, Sealer: h.Rules.Sealer, Now: h.Rules.Now, Rand: h.Rules.Rand, Listen: []string{"127.0.0.1:0"}, Log: slog.New(slog.DiscardHandler), Grace: time.Second, Version: "test",
			Ready: func(a []net.Addr) { ready <- a[0].String() },
		})
	}()
	h.Cleanup(func() { stop(); <-done })
	select {
	case a := <-ready:
		return a
	case err := <-done:
		done <- err
		h.Fatalf("the server did not start: %v", err)
	}
	return ""
}

// flash is a phone with what it keeps.
type flash struct {
	name string
	lsc  *phone.Identity
}

// reset is what makes a phone contact CAPF. It keeps the LSC that it gets, and
// deletes the one that it has when it is told to.
func (f *flash) reset(ctx context.Context, address string, password []byte) (phone.Result, error) {
	return phone.Run(ctx, phone.Config{
		Device: f.name, Servers: []string{address}, Attempts: 1, Timeout: patience, Existing: f.lsc, Password: password,
		Store: func(certificate []byte, key stdcrypto.Signer) error {
			f.lsc = &phone.Identity{Certificate: certificate, Key: key, Type: wire.TypeLSC}
			return nil
		},
		Delete: func() error { f.lsc = nil; return nil },
	})
}

// TestChapters7942 is the chapter's examples with 7942 and 7962 phones: what
// the operator configures, then what happens when the phone resets.
func TestChapters7942(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	address := h.serve()
	const refusedByRule = "cannot register"
	for n, test := range []struct {
		security store.SecurityMode
		mode     store.AuthMode
		hasLSC   bool   // the phone, and we know of it
		refused  string // by the rule, when it is configured
		status   string // after the reset
	}{
		{store.Nonsecure, store.ByNullString, false, "", "Upgrade Success"},
		{store.Nonsecure, store.ByNullString, true, "", "Upgrade Success"},
		{store.Nonsecure, store.ByLSCPrecedence, true, "", "Upgrade Success"},
		{store.Nonsecure, store.ByLSCPrecedence, false, "", "Upgrade Failed: Invalid Credentials"},
		{store.Nonsecure, store.ByMICPrecedence, false, "", "Upgrade Failed: Invalid Credentials"},
		{store.Nonsecure, store.ByString, false, "", "Upgrade Success"}, // its user starts it
		{store.Authenticated, store.ByNullString, false, "", "Upgrade Success"},
		{store.Authenticated, store.ByLSCPrecedence, true, "", "Upgrade Success"},
		{store.Authenticated, store.ByLSCPrecedence, false, "", "Upgrade Failed: Invalid Credentials"},
		{store.Authenticated, store.ByString, false, refusedByRule, ""},
		{store.Authenticated, store.ByString, true, "", "Upgrade Success"},
		{store.Encrypted, store.ByNullString, false, "", "Upgrade Success"},
		{store.Encrypted, store.ByLSCPrecedence, true, "", "Upgrade Success"},
		{store.Encrypted, store.ByLSCPrecedence, false, "", "Upgrade Failed: Invalid Credentials"},
		{store.Encrypted, store.ByString, false, refusedByRule, ""},
	} {
		t.Run(fmt.Sprintf("%s, %s, LSC %v", test.security, test.mode, test.hasLSC), func(t *testing.T) {
			h := &house{&devicestest.House{TB: t, Rules: h.Rules, Clock: h.Clock}}
			f := &flash{name: fmt.Sprintf("SEP0000000000%02X", n+1)}
			install := devices.Edit{Operation: devicestest.Ptr(store.Install)}
			h.Add(f.name, devices.Edit{Model: devicestest.Ptr("7962")})
			if test.hasLSC {
				_, _, err := h.Rules.Change(t.Context(), devicestest.Operator, f.name, install)
				devicestest.Must(t, err)
				_, err = f.reset(t.Context(), address, nil)
				devicestest.Must(t, err)
			}
			before := f.lsc
			edit := install
			edit.SecurityMode, edit.AuthMode, edit.String = &test.security, &test.mode, devicestest.Ptr("47110815")
			_, _, err := h.Rules.Change(t.Context(), devicestest.Operator, f.name, edit)
			if test.refused != "" {
				if !errors.Is(err, apperr.ErrRefused) || !strings.Contains(err.Error(), test.refused) {
					t.Errorf("the configuration: %v", err)
				}
				return
			}
			devicestest.Must(t, err)
			var typed []byte
			if test.mode == store.ByString {
				typed = []byte("47110815")
			}
			_, err = f.reset(t.Context(), address, typed)
			d := h.Device(f.name)
			if got := d.Status.Long(); got != test.status {
				t.Fatalf("after the reset: %s (%v)", got, err)
			}
			installed := f.lsc != nil && f.lsc != before
			if success := d.Status == store.Succeeded(store.Install); success != installed || success == (d.Operation == store.Install) {
				t.Errorf("a new LSC on the phone: %v; %s is scheduled", installed, d.Operation)
			}
			// Afterwards a nonsecure phone can be made a secure one.
			if installed {
				_, _, err := h.Rules.Change(t.Context(), devicestest.Operator, f.name, devices.Edit{SecurityMode: devicestest.Ptr(store.Encrypted)})
				devicestest.Must(t, err)
			}
		})
	}
}

// TestMigrate moves phones from one cluster to another: one whose LSC is
// deleted first, and one that shows its old LSC where it arrives.
func TestMigrate(t *testing.T) {
	t.Parallel()
	old, next := newHouse(t), newHouse(t)
	oldAddress, newAddress := old.serve(), next.serve()
	before, err := old.CAPF().Load(t.Context())
	devicestest.Must(t, err)
	capf := authority.UploadFile{Name: "capf.pem", Data: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: before.Leaf().Raw})}
	deleted, kept := &flash{name: "SEP000000000001"}, &flash{name: "SEP000000000002"}
	for _, f := range []*flash{deleted, kept} {
		old.Add(f.name, devices.Edit{Operation: devicestest.Ptr(store.Install)})
		_, err := f.reset(t.Context(), oldAddress, nil)
		devicestest.Must(t, err)
	}

	d, scheduled, err := devices.Leave(t.Context(), old.Rules, devicestest.Operator, deleted.name)
	devicestest.Must(t, err)
	if !scheduled || d.Operation != store.Delete {
		t.Errorf("leaving schedules %s: %v", d.Operation, scheduled)
	}
	if _, again, err := devices.Leave(t.Context(), old.Rules, devicestest.Operator, deleted.name); err != nil || again {
		t.Errorf("leaving twice: %v, %v", again, err)
	}
	_, err = deleted.reset(t.Context(), oldAddress, nil)
	devicestest.Must(t, err)
	if deleted.lsc != nil || old.Device(deleted.name).Status != store.Succeeded(store.Delete) {
		t.Errorf("the LSC is still there: %s", old.Device(deleted.name).Status)
	}
	if _, scheduled, err := devices.Leave(t.Context(), old.Rules, devicestest.Operator, deleted.name); err != nil || scheduled {
		t.Errorf("leaving without an LSC: %v, %v", scheduled, err)
	}
	next.Add(deleted.name, devices.Edit{Operation: devicestest.Ptr(store.Install)})
	_, err = deleted.reset(t.Context(), newAddress, nil)
	devicestest.Must(t, err)

	// The new cluster does not know the issuer of the other phone's LSC yet.
	next.Add(kept.name, devices.Edit{Operation: devicestest.Ptr(store.Install), AuthMode: devicestest.Ptr(store.ByLSCPrecedence)})
	if _, err := kept.reset(t.Context(), newAddress, nil); err == nil {
		t.Error("an LSC of another cluster is accepted")
	}
	for range 2 {
		d, rows, err := devices.Arrive(t.Context(), next.Rules, approval.Desk{Store: next.Rules.Store, Now: next.Rules.Now, Actor: devicestest.Operator}, kept.name, capf)
		devicestest.Must(t, err)
		if len(rows) != 1 || d.Operation != store.Install || d.AuthMode != store.ByLSCPrecedence {
			t.Errorf("arriving: %+v, %+v", d, rows)
		}
	}
	_, err = kept.reset(t.Context(), newAddress, nil)
	devicestest.Must(t, err)
	own, err := next.CAPF().Load(t.Context())
	devicestest.Must(t, err)
	for _, f := range []*flash{deleted, kept} {
		c, err := x509.ParseCertificate(f.lsc.Certificate)
		devicestest.Must(t, err)
		if !bytes.Equal(c.RawIssuer, own.Leaf().RawSubject) {
			t.Errorf("the LSC of %s comes from %s", f.name, c.Issuer)
		}
	}

	// What is no certificate schedules nothing.
	capf.Data = []byte("hello")
	if _, _, err := devices.Arrive(t.Context(), next.Rules, approval.Desk{Store: next.Rules.Store, Now: next.Rules.Now, Actor: devicestest.Operator}, "SEP000000000003", capf); err == nil {
		t.Error("a file without a certificate is accepted")
	}
	if _, err := next.Rules.Store.Device(t.Context(), "SEP000000000003"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the device was added all the same: %v", err)
	}
}

// TestPhonesMeanwhile lets a phone enroll while all devices are changed.
func TestPhonesMeanwhile(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	address := h.serve()
	h.many(3000)
	f := &flash{name: "CSFolga"}
	h.Add(f.name, devices.Edit{Operation: devicestest.Ptr(store.Install)})
	other := &house{devicestest.Open(t, h.Rules.Store.Path(), h.Clock)} // as another process would
	done := make(chan error, 1)
	go func() {
		_, err := other.runner().RunNow(context.Background(), devicestest.Operator, bulk.Update{
			Selection: bulk.Selection{DeviceFilter: store.DeviceFilter{Name: "SEP*"}}, Edit: devices.Edit{Operation: devicestest.Ptr(store.Install)},
		}, nil)
		done <- err
	}()
	for enrolled := 0; ; {
		select {
		case err := <-done:
			devicestest.Must(t, err)
			if enrolled == 0 {
				t.Error("no phone enrolled meanwhile")
			}
			return
		default:
		}
		_, err := f.reset(t.Context(), address, nil)
		switch {
		case err == nil:
			enrolled++
		case errors.Is(err, phone.ErrCommunication): // told to come again, by a server on a busy machine
			continue
		default:
			t.Fatalf("session %d: %v", enrolled+1, err)
		}
		_, _, err = h.Rules.Change(t.Context(), devicestest.Operator, f.name, devices.Edit{Operation: devicestest.Ptr(store.Install)})
		devicestest.Must(t, err)
	}
}
